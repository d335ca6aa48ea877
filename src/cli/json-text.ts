/** JSON as files and stdout hold it: a member a line, but a list of numbers on one line. */
export function jsonText(value: unknown): string {
  // A line break stands in no JSON string, so nothing but lists of numbers is touched.
  return JSON.stringify(value, null, 2).replace(/\[\n\s+(-?\d[^\s,]*(?:,\n\s+-?\d[^\s,]*)*)\n\s*\]/g, (_, numbers: string) => `[${numbers.replace(/,\n\s+/g, ', ')}]`); // prettier-ignore
}
