/** Sets that keep texts in one file and labels in another, line by line. */
import { FungiError } from '../../../core/errors.js';
import { utf8Lines } from '../utf8-file.js';

export interface LabelledLine {
  readonly where: string;
  readonly text: string;
  readonly label: string;
}

/**
 * @throws {FungiError} INVALID_DATA when one file has more lines than the other; as {@link utf8Lines}
 */
export async function* parallelLines(texts: string, labels: string): AsyncGenerator<LabelledLine> {
  const labelLines = utf8Lines(labels);
  let last = 0;
  for await (const { line, text } of utf8Lines(texts)) {
    const next = await labelLines.next();
    if (next.done === true) throw unequal(texts, labels, `ends after line ${line - 1}`);
    yield { where: `${texts}:${line}`, text, label: next.value.text };
    last = line;
  }
  if ((await labelLines.next()).done !== true) throw unequal(texts, labels, `goes on after line ${last}`);
}

const unequal = (texts: string, labels: string, found: string): FungiError =>
  new FungiError(
    'INVALID_DATA',
    `${labels}: it ${found}, and ${texts} does not: each line of one is the label of a line of the other`,
    {
      hint: 'Take both files of one release, whole.',
    },
  );
