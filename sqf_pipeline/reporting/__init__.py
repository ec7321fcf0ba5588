"""Result tables to what people read: model card, charts, the pages of documentation made from the code."""
