// The map on which a stop is placed: each part of a precinct is drawn as the area that is nearest to it. It writes to the two
// fields beside it, which do without it.
"use strict";
(function () {
  const host = document.getElementById("place-map");
  const place = document.getElementById("place");
  const point = document.getElementById("point");
  const REACH = 2800; // feet around a part that are drawn
  const WIDTH = 600;

  function draw(table) {
    const names = table.columns.map((column) => column.name);
    const parts = table.rows.map((cells) => names.reduce((part, name, at) => Object.assign(part, { [name]: cells[at] }), {}));
    const [west, east] = d3.extent(parts, (part) => part.x_feet);
    const [south, north] = d3.extent(parts, (part) => part.y_feet);
    const scale = WIDTH / (east - west + 2 * REACH);
    const height = Math.ceil((north - south + 2 * REACH) * scale);
    const across = (feet) => (feet - west + REACH) * scale;
    const down = (feet) => (north - feet + REACH) * scale;

    const diagram = d3.voronoi().x((part) => across(part.x_feet)).y((part) => down(part.y_feet)).extent([[0, 0], [WIDTH, height]])(parts);
    const boroughs = Array.from(new Set(parts.map((part) => part.borough))).sort();
    const svg = d3.select(host).append("svg").attr("viewBox", `0 0 ${WIDTH} ${height}`).attr("role", "img")
      .attr("aria-label", "Map of the precincts. The list “Place” chooses among the same.");
    svg.append("clipPath").attr("id", "reach").selectAll("circle").data(parts).enter().append("circle")
      .attr("cx", (part) => across(part.x_feet)).attr("cy", (part) => down(part.y_feet)).attr("r", REACH * scale);
    const land = svg.append("g").attr("clip-path", "url(#reach)");
    const areas = land.selectAll("path").data(diagram.polygons().filter(Boolean)).enter().append("path")
      .attr("class", (polygon) => `area borough-${boroughs.indexOf(polygon.data.borough) % 3}`).attr("d", (polygon) => `M${polygon.join("L")}Z`);
    const borders = diagram.edges.filter((edge) => edge && edge.left && edge.right && edge.left.data.precinct !== edge.right.data.precinct);
    land.append("path").attr("class", "border").attr("d", borders.map((edge) => `M${edge[0]}L${edge[1]}`).join(""));
    const outlined = land.append("path").attr("class", "chosen");
    const mark = svg.append("circle").attr("class", "point").attr("r", 7);
    d3.nest().key((part) => part.borough).entries(parts).filter((entry) => entry.key !== "null").forEach((entry) => {
      svg.append("text").attr("x", across(d3.mean(entry.values, (part) => part.x_feet))).attr("y", down(d3.mean(entry.values, (part) => part.y_feet)))
        .attr("text-anchor", "middle").text(place.querySelector(`option[value="${entry.values[0].precinct}"]`).parentNode.label);
    });
    const words = d3.select(host).append("p").attr("class", "form-text mb-0");
    const advice = "A click places the stop. Precincts are drawn from where stops were recorded.";

    function name(part) { return place.querySelector(`option[value="${part.precinct}"]`).textContent; }

    function show() {
      const own = (edge) => [edge.left, edge.right].filter((side) => side && String(side.data.precinct) === place.value).length === 1;
      areas.classed("chosen", (polygon) => String(polygon.data.precinct) === place.value);
      outlined.attr("d", diagram.edges.filter((edge) => edge && own(edge)).map((edge) => `M${edge[0]}L${edge[1]}`).join(""));
      const feet = (point.value.match(/\d[\d.]*/g) || []).map(Number);
      mark.attr("visibility", feet.length === 2 ? "visible" : "hidden");
      if (feet.length === 2) { mark.attr("cx", across(feet[0])).attr("cy", down(feet[1])); }
      words.text(advice);
    }

    function choose() {
      const [x, y] = d3.mouse(svg.node());
      place.value = String(diagram.find(x, y).data.precinct);
      const feet = [x / scale + west - REACH, north + REACH - y / scale].map((value) => 10 * Math.round(value / 10));
      point.value = feet.join(", ");
      show();
    }

    areas.on("click", choose).on("mouseenter", (polygon) => words.text(name(polygon.data))).on("mouseleave", () => words.text(advice));
    place.addEventListener("change", () => { point.value = ""; show(); });
    point.addEventListener("change", () => {
      const feet = (point.value.match(/\d[\d.]*/g) || []).map(Number);
      if (feet.length === 2) { place.value = String(diagram.find(across(feet[0]), down(feet[1])).data.precinct); }
      show();
    });
    show();
  }

  d3.json(host.dataset.places).then(draw, () => host.remove());
})();
