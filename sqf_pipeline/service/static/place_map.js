// The map on which a stop is placed. It writes to the two fields beside it, which do without it.
"use strict";
(function () {
  const host = document.getElementById("place-map");
  const place = document.getElementById("place");
  const point = document.getElementById("point");
  const advice = "Click or tap to place the stop. Precincts are drawn from where stops were recorded.";

  function draw(table) {
    const svg = d3.select(host).append("svg").attr("role", "img")
      .attr("aria-label", "Map of the precincts. The list “Place” chooses among the same.");
    const map = drawPrecincts(svg, table, 600);
    const named = (precinct) => place.querySelector(`option[value="${precinct}"]`);
    const boroughs = d3.nest().key((part) => part.borough).sortKeys(d3.ascending).entries(map.parts);
    const rank = new Map(boroughs.map((entry, at) => [entry.key, at % 3]));
    map.areas.attr("class", (polygon) => `area borough-${rank.get(String(polygon.data.borough))}`);
    const outline = map.land.append("path").attr("class", "outline");
    boroughs.filter((entry) => entry.key !== "null").forEach((entry) => svg.append("text").attr("text-anchor", "middle")
      .attr("x", map.across(d3.mean(entry.values, (part) => part.x_feet))).attr("y", map.down(d3.mean(entry.values, (part) => part.y_feet)))
      .text(named(entry.values[0].precinct).parentNode.label));
    const mark = svg.append("circle").attr("class", "point").attr("r", 7);
    const words = d3.select(host).append("p").attr("class", "form-text mb-0").text(advice);
    const typed = () => (point.value.match(/\d{1,3}(,\d{3})+|\d[\d.]*/g) || []).map((text) => Number(text.replace(/,/g, "")));

    function show() {
      const feet = typed();
      const marked = feet.length === 2;
      map.areas.classed("chosen", (polygon) => String(polygon.data.precinct) === place.value);
      outline.attr("d", map.outline(place.value));
      mark.attr("visibility", marked ? "visible" : "hidden");
      if (marked) { mark.attr("cx", map.across(feet[0])).attr("cy", map.down(feet[1])); }
    }

    map.areas.on("click", () => {
      const [x, y] = d3.mouse(svg.node());
      place.value = map.precinctAt(x, y);
      point.value = map.feetAt(x, y).map((feet) => 10 * Math.round(feet / 10)).join(", ");
      show();
    }).on("mouseenter", (polygon) => words.text(named(polygon.data.precinct).textContent)).on("mouseleave", () => words.text(advice));
    place.addEventListener("change", () => { point.value = ""; show(); });
    point.addEventListener("change", () => {
      const feet = typed();
      if (feet.length === 2) { place.value = map.precinctAt(map.across(feet[0]), map.down(feet[1])); }
      show();
    });
    show();
  }

  d3.json(host.dataset.places).then(draw, () => host.remove());
})();
