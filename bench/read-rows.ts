import { readFileSync } from 'node:fs';

/** @param file one `{"text": …, "label": …}` a line */
export function readRows(file: string): { readonly input: string; readonly label: string }[] {
  return readFileSync(file, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as { readonly text: string; readonly label: string })
    .map(({ text, label }) => ({ input: text, label }));
}
