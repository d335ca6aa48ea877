/** What commands print for people. JSON is printed by the program, from the same report. */

export interface Column {
  readonly title: string;
  /** @default 'left' */
  readonly align?: 'left' | 'right';
  /** Gives up width when the table is too wide for the screen. */
  readonly flexible?: boolean;
}

const GAP = '  ';
/** A flexible column never gets narrower than this. */
const NARROWEST = 12;

/** Cells in aligned columns under a line of titles (left out when all are empty), at most `width` characters wide where possible. */
export function table(columns: readonly Column[], rows: readonly (readonly string[])[], width = Infinity): string {
  const titles = columns.map(({ title }) => title);
  const lines = [...(titles.some((title) => title !== '') ? [titles] : []), ...rows.map((row) => row.map(oneLine))];
  const widths = columns.map((_, c) => Math.max(0, ...lines.map((line) => length(line[c] ?? ''))));
  shrink(widths, columns, width);
  return lines
    .map((line) =>
      columns
        .map(({ align }, c) => {
          const cell = cut(line[c] ?? '', widths[c]!);
          const padding = ' '.repeat(widths[c]! - length(cell));
          return align === 'right' ? padding + cell : cell + padding;
        })
        .join(GAP)
        .trimEnd(),
    )
    .join('\n');
}

/** Names and values, one pair a line. */
export function pairs(entries: readonly (readonly [name: string, value: string])[]): string {
  return table([{ title: '' }, { title: '' }], entries);
}

/** Takes width from the widest flexible column, one character at a time, until the table fits. */
function shrink(widths: number[], columns: readonly Column[], width: number): void {
  const total = (): number => widths.reduce((sum, each) => sum + each, GAP.length * (widths.length - 1));
  while (total() > width) {
    const flexible = widths.map((each, c) => (columns[c]!.flexible ? each : 0));
    const widest = flexible.indexOf(Math.max(...flexible));
    if (widths[widest]! <= NARROWEST || flexible[widest] === 0) return;
    widths[widest]! -= 1;
  }
}

/** White space as single spaces, and control characters made visible: a text cannot steer the terminal. */
export function oneLine(text: string): string {
  return text.replace(/\s+/gu, ' ').replace(/\p{Cc}/gu, '\uFFFD');
}

const length = (text: string): number => Array.from(text).length;

function cut(text: string, width: number): string {
  return length(text) <= width
    ? text
    : `${Array.from(text)
        .slice(0, width - 1)
        .join('')}…`;
}

/** 0.8361 → "83.6" */
export const percent = (fraction: number): string => (100 * fraction).toFixed(1);

/** 90_868_376 → "90.9 MB" */
export function bytes(count: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  const power = count < 1 ? 0 : Math.min(Math.floor(Math.log10(count) / 3), units.length - 1);
  return `${(count / 1000 ** power).toFixed(power === 0 ? 0 : 1)} ${units[power]!}`;
}

/** 75 → "1 min 15 s" */
export function duration(seconds: number): string {
  const whole = Math.round(seconds);
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`;
}

/** 1, "row" → "1 row"; 2, "row" → "2 rows" */
export const counted = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? '' : 's'}`;
