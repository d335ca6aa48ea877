/** Damaged files: the client hears what is the matter, the log also where. */
import { truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { inPlace } from '../../selector/support.js';
import { withServers, type Answer } from './server-process.js';
import { add, buildTiny, folderOf, INDEX, retrieve } from './support.js';

it(
  'names no folder of the server to a client, and all of them in the log',
  () =>
    inPlace(async (place) => {
      await buildTiny(place);
      const basis = join(await folderOf(place), 'blend.safetensors');
      await truncate(basis, 40);
      const weights = join(place.folder, 'model', 'model.safetensors');
      await truncate(weights, 40);
      await withServers(place, async (start) => {
        const server = await start({ options: ['--preload', INDEX] });
        const answers: Answer[] = [];
        const fails = async (asked: Promise<Answer>, code: string): Promise<void> => {
          const answer = await asked;
          answers.push(answer);
          expect(JSON.stringify(answer.body)).toContain(code);
        };
        await fails(retrieve(server, 'cat'), 'INDEX_CORRUPT');
        await fails(add(server, [{ input: 'cat', label: 'cat' }]), 'INDEX_CORRUPT');
        await fails(server.post('/v1/embeddings', { model: 'tiny', input: 'cat' }), 'MODEL_CORRUPT');
        await fails(server.ask('/readyz'), 'INDEX_CORRUPT');
        const examples = [1, 2, 3].map((i) => ({ input: `cat ${i}`, label: 'cat' }));
        await fails(server.post('/v1/indexes', { name: 'other', examples }), 'MODEL_CORRUPT');
        for (const path of ['/v1/indexes', `/v1/indexes/${INDEX}`]) answers.push(await server.ask(path));
        expect(answers[0]!.body['detail']).toMatch(/^tiny\/blend\.safetensors is damaged/);
        expect(JSON.stringify(answers)).not.toContain(place.folder);
        const log = server.log();
        const errors = (msg: string): string => JSON.stringify(log.filter((line) => line['msg'] === msg));
        expect(errors('index cannot be opened')).toContain(basis);
        expect(errors('request failed')).toContain(basis);
        expect(errors('request failed')).toContain(weights);
      });
    }),
  240_000,
);
