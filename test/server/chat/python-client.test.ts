/** The official Python client, run by a Python that has it: FUNGI_TEST_PYTHON names one (pip install openai). */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { breaksOff, events, json, refusal } from './fake-upstream.js';
import { startProxy } from './proxy-server.js';

const python = process.env['FUNGI_TEST_PYTHON'];
const SCRIPT = join(import.meta.dirname, 'openai-client.py');

describe('the openai client of Python', () => {
  it('completes, streams, embeds and tells errors apart', async ({ skip }) => {
    if (python === undefined) skip('FUNGI_TEST_PYTHON names no Python that has the openai package');
    const { url, upstream } = await startProxy([json(), events(), json(), refusal(400), breaksOff]);
    const { stdout } = await promisify(execFile)(python!, [SCRIPT, url], { timeout: 50_000 });
    const vectors = [
      [6, 2, 0, 0],
      [3, 0, 3, 0],
    ];
    expect(JSON.parse(stdout)).toEqual({
      text: 'lost_card',
      examples: 'lost',
      streamed: 'lost_card',
      options: 2,
      refused: ['BadRequestError', 400, 'own', null],
      broken: ['lost', 'LLM_UNREACHABLE'],
      models: ['owner/letters', 'help-desk'],
      embeddings: vectors,
      floats: vectors,
      cut: vectors.map((vector) => vector.slice(0, 2)),
      no_model: ['NotFoundError', 404, 'MODEL_NOT_FOUND', 'model'],
      no_text: ['BadRequestError', 400, 'INVALID_REQUEST', 'input'],
    });
    expect(upstream.received.map(({ body }) => body.messages.length)).toEqual([3, 3, 5, 3, 3]);
  });
});
