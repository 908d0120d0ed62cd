// Draws what stands in the tables; whoever has no script, or cannot see a picture, has the tables.
const DASHES = { accept: [], defer: [9, 4], hold: [2, 3], reject: [10, 3, 2, 3], discard: [1, 6], all: [], before: [16, 6] };
const uPlot = window.uPlot;

const token = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
const table = (name) => document.querySelector(`table[data-table="${name}"]`);
const columns = (name) => {
  const rows = [...table(name).tBodies[0].rows];
  return [...table(name).tHead.rows[0].cells].map((_, place) =>
    rows.map((row) => (row.cells[place].dataset.value === undefined ? null : Number(row.cells[place].dataset.value))),
  );
};
const LOCALE = `${document.querySelector(".plot")?.dataset.locale ?? "en-GB"}-u-nu-latn`; // as the tables write numbers
const DAY = new Intl.DateTimeFormat(LOCALE, { day: "numeric", month: "short", timeZone: "UTC" });
const day = (seconds, apart) => {
  const at = new Date(seconds * 1000);
  const midnight = at.getUTCHours() === 0 && at.getUTCMinutes() === 0;
  return apart >= 86400 || midnight ? DAY.format(at) : at.toISOString().slice(11, 16);
};
const axis = (more) => ({
  stroke: token("ink"),
  grid: { stroke: token("line"), width: 1 },
  ticks: { stroke: token("line"), width: 1 },
  font: "13px system-ui, sans-serif",
  ...more,
});
const counts = () => axis({ size: 56, incrs: [1, 2, 5].flatMap((one) => [0, 1, 2, 3, 4, 5, 6].map((power) => one * 10 ** power)).sort((a, b) => a - b), values: (_, all) => all.map((one) => one.toLocaleString(LOCALE)) });
const size = (room) => ({ width: Math.max(200, room.clientWidth), height: room.clientHeight });
const common = (room) => ({ ...size(room), legend: { show: false }, cursor: { drag: { x: false, y: false } } });

function overTime(figure, room) {
  const lines = [...figure.querySelectorAll("[data-line]")];
  const names = lines.map((one) => one.textContent.trim());
  const data = columns("time").slice(0, lines.length + 1);
  const told = figure.querySelector("[data-told]");
  const at = (seconds) => new Date(seconds * 1000).toISOString().slice(0, 16).replace("T", " ");
  const tell = (plot) => {
    const place = plot.cursor.idx;
    if (place == null) told.textContent = "";
    else told.textContent = `${at(data[0][place])} UTC: ${names.map((name, line) => `${name} ${(data[line + 1][place] ?? 0).toLocaleString(LOCALE)}`).join(" · ")}`;
  };
  const options = {
    ...common(room),
    tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), "Etc/UTC"),
    hooks: { setCursor: [tell] },
    scales: { y: { range: (_, __, most) => [0, Math.max(1, most * 1.05)] } },
    series: [{}, ...lines.map(({ dataset: { line } }) => ({
      stroke: token(line), width: line === "before" || line === "all" ? 1 : 2, dash: DASHES[line], points: { show: data[0].length < 2 },
    }))],
    axes: [axis({ space: 64, values: (_, all, __, ___, apart) => all.map((one) => day(one, apart)) }), counts()],
  };
  return new uPlot(options, data, room);
}

function waits(figure, room) {
  const amounts = columns("waits")[2];
  const ends = [...table("waits").tBodies[0].rows].map((row) => row.cells[1].textContent.trim());
  const options = {
    ...common(room),
    scales: { x: { time: false, range: () => [-0.6, amounts.length - 0.4] }, y: { range: (_, __, most) => [0, Math.max(1, most * 1.05)] } },
    series: [{}, { stroke: token("hold"), fill: token("hold"), width: 1, paths: uPlot.paths.bars({ size: [0.8, 80] }), points: { show: false } }],
    axes: [
      axis({ space: 60, incrs: [1, 2, 3, 4, 5], values: (_, all) => all.map((one) => (Number.isInteger(one) && ends[one] !== undefined ? (ends[one] === "-" ? figure.dataset.more : `≤ ${ends[one]}`) : "")) }),
      counts(),
    ],
  };
  return new uPlot(options, [amounts.map((_, place) => place), amounts], room);
}

const DRAW = { time: overTime, waits };

function draw(figure) {
  const room = figure.querySelector(".canvas");
  figure.hidden = false;
  let plot = DRAW[figure.dataset.plot](figure, room);
  new ResizeObserver(() => plot.setSize(size(room))).observe(room);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
    plot.destroy();
    plot = DRAW[figure.dataset.plot](figure, room);
  });
}

if (uPlot) for (const figure of document.querySelectorAll(".plot")) draw(figure);
