export interface LineChart {
  title: string;
  /** Under the points, evenly spaced. */
  labels: readonly string[];
  series: readonly { name: string; values: readonly number[] }[];
}

const width = 420;
const height = 240;
const left = 40;
const right = 10;
const top = 44;
const bottom = 24;
const colours = ["#1f77b4", "#d62728"];

/** An SVG of lines over a scale that begins at zero. */
export function lineChart({ title, labels, series }: LineChart): string {
  const most = Math.max(...series.flatMap(({ values }) => values)) * 1.1;
  const x = (index: number): number => left + ((width - left - right) * (index + 0.5)) / labels.length;
  const y = (value: number): number => height - bottom - ((height - top - bottom) * value) / most;
  const text = (at: string, content: string): string => `<text ${at}>${content}</text>`;
  const grid = [0, 0.25, 0.5, 0.75, 1].flatMap((share) => [
    `<path d="M${left} ${y(most * share)}H${width - right}" stroke="#8884"/>`,
    text(`x="${left - 4}" y="${y(most * share) + 4}" text-anchor="end"`, (most * share).toFixed(0)),
  ]);
  const lines = series.flatMap(({ name, values }, index) => {
    const colour = colours[index % colours.length];
    const points = values.map((value, point) => `${x(point).toFixed(1)},${y(value).toFixed(1)}`);
    return [
      `<polyline points="${points.join(" ")}" fill="none" stroke="${colour}" stroke-width="2"/>`,
      text(`x="${left + index * 150}" y="34" style="fill:${colour}"`, name),
    ];
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}">`,
    "<style>text{font:11px sans-serif;fill:#777}</style>",
    text(`x="${left}" y="16"`, title),
    ...grid,
    ...labels.map((label, index) => text(`x="${x(index)}" y="${height - 8}" text-anchor="middle"`, label)),
    ...lines,
    "</svg>",
    "",
  ].join("\n");
}
