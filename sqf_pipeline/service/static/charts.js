// The charts. Each is drawn from the same table that the page shows, by the kind that the table names.
// Styles are set through classes and attributes only, as the content security policy asks.
"use strict";
(function () {
  const tip = d3.select("body").append("div").attr("class", "chart-tip").attr("role", "presentation");
  const hues = [1, 2, 3, 4, 5, 6].map((number) => `var(--sqf-${number})`);

  const show = (form, factor = 1, unit = "") => (value) => d3.format(form)(value * factor).replace("-", "−") + unit;

  function formatter(column) {
    const kind = column ? column.format : "text";
    if (kind === "count") { return show(","); }
    if (kind === "percent") { return show(".1f", 100, " %"); }
    return ["decimal", "small", "mixed"].includes(kind) ? show(".3~g") : String;
  }

  function axisFormat(column) {
    if (column.format === "percent") { return show(".3~g", 100, " %"); }
    return show(column.format === "count" ? "~s" : ".3~g");
  }

  class Chart {
    constructor(host, table, places) {
      this.places = places;
      this.host = d3.select(host);
      this.table = table;
      this.spec = table.chart;
      this.columns = new Map(table.columns.map((column) => [column.name, column]));
      this.rows = table.rows.map((cells) => {
        const row = {};
        table.columns.forEach((column, place) => { row[column.name] = cells[place]; });
        return row;
      });
      this.choice = { y: this.spec.y[0] };
      this.host.selectAll("*").remove();
      this.controls = this.host.append("div").attr("class", "controls");
      this.spec.select.forEach((name) => this.addSelect(name));
      if (this.spec.y.length > 1) { this.addMeasures(); }
      if (!this.controls.selectAll("select").size()) { this.controls.remove(); }
      this.legend = this.host.append("div").attr("class", "legend");
      this.stage = this.host.append("div");
      this.width = 0;
      new ResizeObserver(() => this.draw()).observe(host);
    }

    addSelect(name) {
      const values = Array.from(new Set(this.rows.map((row) => row[name])));
      this.choice[name] = values[0];
      this.addChooser(this.columns.get(name).label, values.map((value) => [value, value]), (value) => { this.choice[name] = value; });
    }

    addMeasures() {
      const options = this.spec.y.map((name) => [name, this.columns.get(name).label]);
      this.addChooser("Show", options, (value) => { this.choice.y = value; });
    }

    addChooser(words, options, choose) {
      const label = this.controls.append("label").text(words);
      const select = label.append("select").attr("class", "form-select form-select-sm");
      options.forEach(([value, text]) => select.append("option").attr("value", value).text(text));
      select.on("change", () => { choose(select.property("value")); this.draw(true); });
    }

    get shown() {
      return this.rows.filter((row) => this.spec.select.every((name) => row[name] === this.choice[name]));
    }

    get hasInterval() { return this.columns.has(`${this.choice.y}_low`); }

    draw(force) {
      const width = Math.floor(this.host.node().clientWidth);
      if (!width || (!force && width === this.width)) { return; }
      this.width = width;
      this.stage.selectAll("*").remove();
      this.legend.selectAll("*").remove();
      if (!this.shown.some((row) => row[this.choice.y] !== null)) {
        this.stage.append("p").attr("class", "muted small").text("There is nothing to draw for this choice.");
        return;
      }
      const kinds = { bar: "drawBars", line: "drawLines", heat: "drawHeat", map: "drawMap", interval: "drawDots", calibration: "drawCalibration" };
      this[kinds[this.spec.kind]]();
    }

    canvas(height) {
      const measure = this.columns.get(this.choice.y);
      return this.stage.append("svg").attr("viewBox", `0 0 ${this.width} ${height}`).attr("role", "group")
        .attr("aria-label", `Chart: ${measure ? measure.label : ""} — ${this.table.title}. The same data follow as a table.`);
    }

    interval(row) {
      const low = row[`${this.choice.y}_low`];
      const high = row[`${this.choice.y}_high`];
      return low === null || low === undefined || high === null || high === undefined ? null : [low, high];
    }

    words(row, keys) {
      const shown = keys.filter((name) => name && this.columns.has(name));
      const parts = shown.map((name) => `${this.columns.get(name).label}: ${row[name] === null ? "not shown" : formatter(this.columns.get(name))(row[name])}`);
      const interval = this.interval(row);
      if (interval) {
        const show = formatter(this.columns.get(this.choice.y));
        parts.push(`95 % interval ${show(interval[0])} to ${show(interval[1])}`);
      }
      return parts.join("; ");
    }

    explain(selection, words, reachable) {
      if (reachable) { selection.attr("tabindex", 0).attr("role", "img").attr("aria-label", words); }
      const show = function (row) {
        const box = this.getBoundingClientRect();
        tip.text(words(row));
        const size = tip.node().getBoundingClientRect();
        const left = Math.min(Math.max(8, box.left + box.width / 2 - size.width / 2), window.innerWidth - size.width - 8);
        const above = box.top - size.height - 6;
        tip.style("left", `${left + window.scrollX}px`)
          .style("top", `${(above > 4 ? above : box.bottom + 6) + window.scrollY}px`).style("visibility", "visible");
      };
      const hide = () => tip.style("visibility", "hidden");
      selection.on("mouseenter", show).on("focus", show).on("mouseleave", hide).on("blur", hide);
    }

    scaleFor(values, range, fromZero) {
      const clean = values.filter((value) => value !== null && value !== undefined);
      const low = fromZero ? Math.min(0, d3.min(clean) || 0) : d3.min(clean);
      return d3.scaleLinear().domain([low, d3.max(clean) || 1]).nice(5).range(range);
    }

    get measureValues() {
      const values = [];
      this.shown.forEach((row) => { values.push(row[this.choice.y], ...(this.interval(row) || [])); });
      return values;
    }

    // names beside the rows where there is room, over them elsewhere
    layRows(names) {
      const beside = 16 + 7 * d3.max(names, (name) => name.length);
      const over = beside > this.width * 0.42;
      return { left: over ? 18 : beside, step: over ? 46 : 30, drop: over ? 8 : 0, over };
    }

    nameRows(groups, name, { left, over }, middle) {
      groups.append("text").attr("x", over ? 0 : left - 8).attr("y", (row) => middle(row) - (over ? 19 : 0)).attr("dy", "0.35em")
        .attr("text-anchor", over ? "start" : "end").text(name);
    }

    drawBars() {
      const { x, y } = { x: this.spec.x, y: this.choice.y };
      const rows = this.shown;
      const column = this.columns.get(y);
      const name = (row) => String(row[x]);
      const lay = this.layRows(rows.map(name));
      const height = rows.length * lay.step + 34;
      const svg = this.canvas(height);
      const across = this.scaleFor(this.measureValues, [lay.left, this.width - 64], true);
      const down = d3.scaleBand().domain(rows.map(name)).range([4, height - 28]);
      const middle = (row) => down(name(row)) + down.bandwidth() / 2 + lay.drop;
      this.gridX(svg, across, height, column);
      const groups = svg.selectAll("g.mark").data(rows).enter().append("g").attr("class", "mark");
      this.nameRows(groups, name, lay, middle);
      groups.append("rect").attr("x", (row) => Math.min(across(0), across(row[y] || 0))).attr("y", (row) => middle(row) - 10)
        .attr("width", (row) => Math.abs(across(row[y] || 0) - across(0))).attr("height", 20).attr("rx", 3).attr("fill", hues[0]);
      this.whiskers(groups, across, middle);
      groups.append("text").attr("class", "value-label").attr("dy", "0.35em").attr("y", middle)
        .attr("x", (row) => across(Math.max(row[y] || 0, (this.interval(row) || [0, 0])[1])) + 6)
        .text((row) => (row[y] === null ? "too few" : formatter(column)(row[y])));
      this.explain(groups, (row) => this.words(row, [x, y, y === "stops" ? "" : "stops"]), true);
    }

    whiskers(groups, across, middle) {
      if (!this.hasInterval) { return; }
      groups.filter((row) => this.interval(row)).append("line").attr("class", "interval")
        .attr("x1", (row) => across(this.interval(row)[0])).attr("x2", (row) => across(this.interval(row)[1])).attr("y1", middle).attr("y2", middle);
    }

    gridX(svg, across, height, column) {
      svg.append("g").attr("class", "grid").attr("transform", `translate(0,${height - 26})`).attr("aria-hidden", "true")
        .call(d3.axisBottom(across).ticks(Math.max(2, this.width / 130)).tickSize(-(height - 30)).tickFormat(axisFormat(column)));
    }

    drawDots() {
      const { x, y } = { x: this.spec.x, y: this.choice.y };
      const rows = this.shown;
      const column = this.columns.get(y);
      const name = (row) => String(row[x]);
      const lay = this.layRows(rows.map(name));
      const height = rows.length * lay.step + 34;
      const svg = this.canvas(height);
      const across = this.scaleFor(this.measureValues, [lay.left + 6, this.width - 70], column.format === "percent");
      const down = d3.scaleBand().domain(rows.map(name)).range([4, height - 28]);
      const middle = (row) => down(name(row)) + down.bandwidth() / 2 + lay.drop;
      this.gridX(svg, across, height, column);
      const groups = svg.selectAll("g.mark").data(rows).enter().append("g").attr("class", "mark");
      this.nameRows(groups, name, lay, middle);
      this.whiskers(groups, across, middle);
      const known = groups.filter((row) => row[y] !== null);
      known.append("circle").attr("cx", (row) => across(row[y])).attr("cy", middle).attr("r", 5.5).attr("fill", hues[0]);
      known.append("text").attr("class", "value-label").attr("dy", "0.35em").attr("y", middle)
        .attr("x", (row) => across(Math.max(row[y], (this.interval(row) || [0, row[y]])[1])) + 10).text((row) => formatter(column)(row[y]));
      this.explain(groups, (row) => this.words(row, [x, y, this.spec.size]), true);
    }

    drawLines() {
      const { x, y, group } = { x: this.spec.x, y: this.choice.y, group: this.spec.group };
      const rows = this.shown.filter((row) => row[y] !== null);
      const column = this.columns.get(y);
      const height = Math.min(360, Math.max(240, this.width * 0.5));
      const svg = this.canvas(height);
      const months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
      const years = x === "year" ? d3.extent(rows, (row) => row[x]) : null;
      const across = years ? d3.scaleLinear().domain([years[0] - 0.5, years[1] + 0.5]).range([52, this.width - 14])
        : d3.scalePoint().domain(d3.range(1, 13)).range([52, this.width - 14]);
      const month = (number) => (this.width < 480 ? months[number - 1][0] : months[number - 1]);
      const ticks = d3.axisBottom(across).tickSize(0).tickPadding(8).tickFormat(years ? d3.format("d") : month);
      if (years) { ticks.tickValues(d3.range(years[0], years[1] + 1, this.width < 480 ? 3 : 1)); }
      const down = this.scaleFor(this.measureValues, [height - 26, 10], true);
      svg.append("g").attr("class", "grid").attr("transform", "translate(48,0)").attr("aria-hidden", "true")
        .call(d3.axisLeft(down).ticks(5).tickSize(-(this.width - 60)).tickFormat(axisFormat(column)));
      svg.append("g").attr("class", "grid").attr("transform", `translate(0,${height - 24})`).attr("aria-hidden", "true")
        .call(ticks);
      // a year's dot stands in its middle, and so a year that begins half a step before it
      this.spec.breaks.forEach(([moment, name], place) => { // the note under the chart names them by their letters
        const mark = svg.append("g").attr("class", "break");
        mark.append("line").attr("x1", across(moment - 0.5)).attr("x2", across(moment - 0.5)).attr("y1", 14).attr("y2", height - 26);
        mark.append("text").attr("x", across(moment - 0.5)).attr("y", 10).attr("text-anchor", "middle").text(String.fromCharCode(65 + place));
        mark.append("title").text(name);
      });
      const series = d3.nest().key((row) => row[group]).entries(rows);
      series.forEach((entry, place) => {
        const hue = hues[place % hues.length];
        svg.append("path").attr("fill", "none").attr("stroke", hue).attr("stroke-width", 2.2)
          .attr("d", d3.line().x((row) => across(row[x])).y((row) => down(row[y]))(entry.values));
        const dots = svg.append("g").selectAll("circle").data(entry.values).enter().append("circle")
          .attr("cx", (row) => across(row[x])).attr("cy", (row) => down(row[y])).attr("r", 4).attr("fill", hue);
        this.explain(dots, (row) => this.words(row, [group, x, y]), true);
        this.addKey(entry.key, hue);
      });
    }

    addKey(text, hue) {
      const key = this.legend.append("span");
      key.append("svg").attr("viewBox", "0 0 10 10").attr("aria-hidden", "true").append("circle").attr("cx", 5).attr("cy", 5).attr("r", 5).attr("fill", hue);
      key.append("span").text(text);
    }

    colour(values) {
      const clean = values.filter((value) => value !== null);
      const dark = document.documentElement.getAttribute("data-bs-theme") === "dark";
      const ramp = dark ? (part) => d3.interpolateViridis(0.12 + 0.88 * part) : (part) => d3.interpolateViridis(0.95 - 0.9 * part);
      return d3.scaleSequential(ramp).domain(d3.extent(clean));
    }

    addRamp(colour, column) {
      const show = formatter(column);
      const [low, high] = colour.domain();
      this.legend.append("span").text(column.label);
      const round = column.format === "count" ? Math.round : (value) => value;
      const steps = this.width < 480 ? 3 : 4;
      d3.range(steps + 1).map((part) => round(low + ((high - low) * part) / steps)).forEach((value) => {
        const key = this.legend.append("span");
        key.append("svg").attr("viewBox", "0 0 10 10").attr("aria-hidden", "true").append("rect").attr("width", 10).attr("height", 10).attr("fill", colour(value));
        key.append("span").text(show(value));
      });
    }

    drawHeat() {
      const { x, y, group } = { x: this.spec.x, y: this.choice.y, group: this.spec.group };
      const rows = this.shown;
      const names = Array.from(new Set(rows.map((row) => row[group])));
      const narrow = this.width < 560;
      const left = narrow ? 38 : 84;
      const height = names.length * 30 + 30;
      const svg = this.canvas(height);
      const across = d3.scaleBand().domain(d3.range(24)).range([left, this.width - 4]).padding(0.05);
      const down = d3.scaleBand().domain(names).range([2, height - 26]).padding(0.06);
      const colour = this.colour(rows.map((row) => row[y]));
      const column = this.columns.get(y);
      this.addRamp(colour, column);
      names.forEach((name) => svg.append("text").attr("x", left - 8).attr("y", down(name) + down.bandwidth() / 2).attr("dy", "0.35em")
        .attr("text-anchor", "end").text(narrow ? name.slice(0, 3) : name));
      d3.range(0, 24, narrow ? 6 : 3).forEach((hour) => svg.append("text").attr("x", across(hour) + across.bandwidth() / 2).attr("y", height - 8)
        .attr("text-anchor", "middle").text(`${hour}:00`));
      const cells = svg.selectAll("rect").data(rows).enter().append("rect").attr("x", (row) => across(row[x])).attr("y", (row) => down(row[group]))
        .attr("width", across.bandwidth()).attr("height", down.bandwidth()).attr("rx", 2)
        .attr("fill", (row) => (row[y] === null ? "var(--sqf-grid)" : colour(row[y])));
      this.explain(cells, (row) => this.words(row, [group, x, y]), false);
    }

    drawPrecinctMap() {
      const y = this.choice.y;
      const rows = new Map(this.shown.map((row) => [row.precinct, row]));
      const room = Math.min(this.width, 760);
      const colour = this.colour(this.shown.map((row) => row[y]));
      this.addRamp(colour, this.columns.get(y));
      const svg = this.canvas(0);
      const map = drawPrecincts(svg, this.places, room);
      svg.attr("class", "centred");
      const value = (polygon) => (rows.has(polygon.data.precinct) ? rows.get(polygon.data.precinct)[y] : null);
      map.areas.each(function (polygon) {
        const fill = value(polygon) === null ? "var(--sqf-grid)" : colour(value(polygon));
        d3.select(this).attr("fill", fill).attr("stroke", fill);
      });
      this.explain(map.areas, (polygon) => this.words(rows.get(polygon.data.precinct) || { precinct: polygon.data.precinct, [y]: null }, ["precinct", y, rows.has(polygon.data.precinct) ? this.spec.size : ""]), false);
    }

    drawMap() {
      if (this.places) { this.drawPrecinctMap(); return; }
      const { x, size } = { x: this.spec.x, size: this.spec.size };
      const y = this.choice.y;
      const rows = this.shown;
      const shrink = Math.cos((40.7 * Math.PI) / 180); // a degree of longitude in degrees of latitude, in New York
      const east = d3.extent(rows, (row) => row[x] * shrink);
      const north = d3.extent(rows, (row) => row.latitude);
      const room = Math.min(this.width, 760);
      const scale = (room - 40) / (east[1] - east[0] || 1);
      const height = Math.ceil((north[1] - north[0]) * scale + 40);
      const svg = this.canvas(height);
      const start = (this.width - room) / 2 + 20;
      const radius = d3.scaleSqrt().domain([0, d3.max(rows, (row) => row[size])]).range([0, Math.max(7, room / 55)]);
      const colour = this.colour(rows.map((row) => row[y]));
      this.addRamp(colour, this.columns.get(y));
      const dots = svg.selectAll("circle").data(rows).enter().append("circle").attr("cx", (row) => start + (row[x] * shrink - east[0]) * scale)
        .attr("cy", (row) => 20 + (north[1] - row.latitude) * scale).attr("r", (row) => Math.max(1.5, radius(row[size])))
        .attr("fill", (row) => (row[y] === null ? "var(--sqf-grid)" : colour(row[y]))).attr("fill-opacity", 0.9);
      this.explain(dots, (row) => this.words(row, ["precinct", "borough", size, y === size ? "" : y]), false);
    }

    drawCalibration() {
      const { x, y } = { x: this.spec.x, y: this.choice.y };
      const rows = this.shown;
      const side = Math.min(this.width, 420);
      const svg = this.canvas(side);
      const start = (this.width - side) / 2;
      const most = Math.min(1, d3.max(rows, (row) => Math.max(row[x], (this.interval(row) || [0, row[y]])[1])) * 1.05);
      const across = d3.scaleLinear().domain([0, most]).range([start + 52, start + side - 12]);
      const down = d3.scaleLinear().domain([0, most]).range([side - 44, 10]);
      const show = axisFormat(this.columns.get(y));
      svg.append("g").attr("class", "grid").attr("transform", `translate(${start + 50},0)`).attr("aria-hidden", "true").call(d3.axisLeft(down).ticks(5).tickSize(-(side - 62)).tickFormat(show));
      svg.append("g").attr("class", "grid").attr("transform", `translate(0,${side - 42})`).attr("aria-hidden", "true").call(d3.axisBottom(across).ticks(5).tickSize(-(side - 52)).tickFormat(show));
      svg.append("text").attr("x", start + side / 2).attr("y", side - 6).attr("text-anchor", "middle").text(`${this.columns.get(x).label} (up: ${this.columns.get(y).label.toLowerCase()})`);
      svg.append("line").attr("class", "diagonal").attr("x1", across(0)).attr("y1", down(0)).attr("x2", across(most)).attr("y2", down(most));
      const groups = svg.selectAll("g.mark").data(rows).enter().append("g").attr("class", "mark");
      groups.filter((row) => this.interval(row)).append("line").attr("class", "interval").attr("x1", (row) => across(row[x])).attr("x2", (row) => across(row[x]))
        .attr("y1", (row) => down(this.interval(row)[0])).attr("y2", (row) => down(this.interval(row)[1]));
      groups.append("circle").attr("cx", (row) => across(row[x])).attr("cy", (row) => down(row[y])).attr("r", 5).attr("fill", hues[0]);
      this.explain(groups, (row) => this.words(row, [x, y, this.spec.size]), true);
    }
  }

  const charts = [];
  const watcher = new IntersectionObserver((entries) => {
    entries.filter((entry) => entry.isIntersecting).forEach((entry) => {
      watcher.unobserve(entry.target);
      const places = entry.target.dataset.places;
      Promise.all([d3.json(entry.target.dataset.chart), places && d3.json(places)]).then((found) => charts.push(new Chart(entry.target, ...found)), () => {
        d3.select(entry.target).text("The chart's data could not be loaded; the table below holds the same.");
      });
    });
  }, { rootMargin: "400px" });
  document.querySelectorAll("[data-chart]").forEach((host) => watcher.observe(host));
  document.addEventListener("themechange", () => charts.forEach((chart) => chart.draw(true)));
})();
