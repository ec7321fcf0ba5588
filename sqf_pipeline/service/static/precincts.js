// The precincts as areas, for the map of a form and for charts: each part of a precinct is the area that is nearest to it.
"use strict";
function drawPrecincts(svg, table, width) { // eslint-disable-line no-unused-vars
  const reach = 2800; // feet around a part that are drawn
  const names = table.columns.map((column) => column.name);
  const parts = table.rows.map((cells) => names.reduce((part, name, at) => Object.assign(part, { [name]: cells[at] }), {}));
  const [west, east] = d3.extent(parts, (part) => part.x_feet);
  const [south, north] = d3.extent(parts, (part) => part.y_feet);
  const scale = width / (east - west + 2 * reach);
  const height = Math.ceil((north - south + 2 * reach) * scale);
  const across = (feet) => (feet - west + reach) * scale;
  const down = (feet) => (north - feet + reach) * scale;
  const place = d3.voronoi().x((part) => across(part.x_feet)).y((part) => down(part.y_feet)).extent([[0, 0], [width, height]]);
  const diagram = place(parts);
  const edges = diagram.edges.filter(Boolean);
  const path = (chosen) => chosen.map((edge) => `M${edge[0]}L${edge[1]}`).join("");
  const sides = (edge) => [edge.left, edge.right].map((side) => side && side.data.precinct);

  svg.attr("viewBox", `0 0 ${width} ${height}`);
  const clip = `reach-${document.querySelectorAll("clipPath").length}`;
  svg.append("clipPath").attr("id", clip).selectAll("circle").data(parts).enter().append("circle")
    .attr("cx", (part) => across(part.x_feet)).attr("cy", (part) => down(part.y_feet)).attr("r", reach * scale);
  const land = svg.append("g").attr("class", "precincts").attr("clip-path", `url(#${clip})`);
  const areas = land.selectAll("path").data(diagram.polygons().filter(Boolean)).enter().append("path")
    .attr("class", "area").attr("d", (polygon) => `M${polygon.join("L")}Z`);
  land.append("path").attr("class", "border").attr("d", path(edges.filter((edge) => new Set(sides(edge)).size > 1 && edge.right)));
  return {
    areas, parts, across, down, land,
    outline: (precinct) => path(edges.filter((edge) => sides(edge).filter((side) => String(side) === precinct).length === 1)),
    precinctAt: (x, y) => String(diagram.find(x, y).data.precinct),
    feetAt: (x, y) => [x / scale + west - reach, north + reach - y / scale],
  };
}
