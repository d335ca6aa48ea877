/**
 * A selector of another program: it is started once, given the pool and the queries as JSON lines on stdin, and answers with the rows
 * it chooses for each query, a JSON line a query, on stdout.
 *
 *     → {"type":"pool","k":20,"seed":0,"size":10003}
 *     → {"type":"example","row":0,"text":"…","label":"…"}        one for each row of the pool
 *     → {"type":"query","query":0,"text":"…"}                     one for each query; then stdin ends
 *     ← {"query":0,"rows":[17,4,…]}                               in any order, the most fitting row first
 *
 * What it writes to stderr is shown when it fails.
 */
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { z } from 'zod';
import { FungiError } from '../../core/errors.js';
import type { ExampleSelector, SelectionTask } from './example-selector.js';

const answerSchema = z.object({ query: z.int().nonnegative(), rows: z.array(z.int().nonnegative()) });

/** How much of stderr an error quotes. */
const QUOTED = 500;

/**
 * @param command run by the shell, so that a user writes it as at a prompt
 * @throws {FungiError} INVALID_DATA (of `select`) when the program ends with an error, leaves queries unanswered, or answers what cannot
 *   be: no JSON, an unknown query or row, a row twice
 */
export function commandSelector(name: string, command: string): ExampleSelector {
  // What it does with the seed is not known.
  return { name, seeded: true, select: (task) => answersOf(name, command, task) };
}

async function answersOf(name: string, command: string, task: SelectionTask): Promise<(readonly number[])[]> {
  const fail = (reason: string): never => {
    throw new FungiError('INVALID_DATA', `selector "${name}" (${command}): ${reason}`, {
      hint: 'It has to answer each {"type":"query"} line with one line {"query":0,"rows":[…]} of row numbers of the pool.',
    });
  };
  const child = spawn(command, { shell: true, stdio: ['pipe', 'pipe', 'pipe'] });
  let complaints = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (complaints = (complaints + text).slice(-QUOTED)));
  const ended = new Promise<number | null>((resolve, reject) => {
    child.once('close', resolve).once('error', reject);
  });
  // A program that ends early closes its stdin: what it says at its end tells why.
  child.stdin.on('error', () => undefined);
  child.stdin.end([...linesOf(task)].map((line) => `${JSON.stringify(line)}\n`).join(''));

  const answers = new Map<number, readonly number[]>();
  try {
    for await (const line of createInterface({ input: child.stdout })) {
      if (line.trim() === '') continue;
      const answer = answerSchema.safeParse(parsed(line));
      if (!answer.success) return fail(`answered ${JSON.stringify(line.slice(0, 100))}`);
      const { query, rows } = answer.data;
      if (query >= task.queries.length) return fail(`answered query ${query} of ${task.queries.length}`);
      if (answers.has(query)) return fail(`answered query ${query} twice`);
      const wrong = rows.find((row) => row >= task.pool.length);
      if (wrong !== undefined) return fail(`chose row ${wrong} of a pool of ${task.pool.length}`);
      if (new Set(rows).size < rows.length) return fail(`chose a row twice for query ${query}`);
      answers.set(query, rows.slice(0, task.k));
      task.onProgress?.({ stage: name, done: answers.size, total: task.queries.length, unit: 'rows' });
    }
  } catch (error) {
    child.kill();
    throw error;
  }
  const code = await ended;
  const said = complaints.trim() === '' ? '' : `: ${complaints.trim()}`;
  if (code !== 0) return fail(`ended with code ${code ?? 'none'}${said}`);
  const missing = task.queries.findIndex((_, query) => !answers.has(query));
  if (missing >= 0) return fail(`left query ${missing} of ${task.queries.length} unanswered${said}`);
  return task.queries.map((_, query) => answers.get(query)!);
}

function* linesOf({ pool, queries, k, seed }: SelectionTask): Generator<object> {
  yield { type: 'pool', k, seed, size: pool.length };
  for (const [row, { input, label }] of pool.entries()) yield { type: 'example', row, text: input, label };
  for (const [query, text] of queries.entries()) yield { type: 'query', query, text };
}

function parsed(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}
