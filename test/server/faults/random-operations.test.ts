/**
 * Random sequences of all that changes an index, and kills of the server in between, beside a model of what has to be there: nothing
 * acknowledged is lost or doubled, and no answer holds anything else. TEST_SEQUENCES says how many; a failure prints its seed.
 */
import fc from 'fast-check';
import { setTimeout as pause } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { inPlace } from '../../selector/support.js';
import { withServers, type Answer, type ServerProcess } from './server-process.js';
import { textOf } from './support.js';

const SEQUENCES = Number(process.env['TEST_SEQUENCES'] ?? 2);
const COMMANDS = 14;
/** A build waits for every query, and takes long on a machine that is busy with other things. */
const OPTIONS = ['--deadline-ms', '120000', '--max-wait-ms', '60000'];
const FEATURES = { losses: [{ name: 'kl' }], projection: { kind: 'khatri-rao', width: 16 } };

interface Example {
  readonly id: string;
  readonly input: string;
  readonly label: string;
}

/** What each index has to hold, by id; the same object is given to all commands of a sequence. */
type Expected = Map<string, Map<string, Example>>;

interface Real {
  server: ServerProcess;
  restart(): Promise<void>;
}

type Command = fc.AsyncCommand<Expected, Real>;

const NAMES = ['a', 'b'] as const;
const name = fc.constantFrom(...NAMES);
/** Few ids, so that examples are replaced and removed again. */
const number = fc.nat(15);
const numbers = fc.uniqueArray(number, { minLength: 1, maxLength: 6 });
/** The same id has another text and maybe another label in each version. */
const version = fc.nat(3);

const exampleOf = (i: number, of: number): Example => ({
  id: `n${i}`,
  input: textOf(100 + i * 4 + of),
  label: (i + of) % 2 === 0 ? 'cat' : 'dog',
});

const at = (index: string): string => `/v1/indexes/${index}`;

/** Compares all that the server has of an index with what has to be there. */
async function check(expected: Expected, { server }: Real, index: string, query: string): Promise<void> {
  const { status, body } = await server.post(`${at(index)}/retrieve`, { query, k: 1000 });
  const rows = expected.get(index);
  if (rows === undefined) {
    expect(status).toBe(404);
    return;
  }
  expect([status, body['code']]).toEqual([200, undefined]);
  const found = body['examples'] as (Example & { distance: number })[];
  expect(found.map(({ id, label }) => [id, label]).sort()).toEqual(
    [...rows.values()].map(({ id, label }) => [id, label]).sort(),
  );
  const distances = found.map(({ distance }) => distance);
  expect(distances).toEqual([...distances].sort((x, y) => x - y));
  // A text that is stored finds itself; its twins of another id are as near.
  const own = [...rows.values()].filter(({ input }) => input === query).map(({ id }) => id);
  for (const { id, distance } of found) if (own.includes(id)) expect(distance).toBeCloseTo(0, 4);
}

/** A command by its text, for the report of a failure. */
const command = (text: string, run: (expected: Expected, real: Real) => Promise<void>): Command => ({
  check: () => true,
  run,
  toString: () => text,
});

const builds = fc
  .tuple(name, fc.integer({ min: 4, max: 12 }), version, fc.boolean())
  .map(([index, rows, of, replaces]) =>
    command(`build ${index} of ${rows} v${of}${replaces ? ', replacing' : ''}`, async (expected, { server }) => {
      const examples = Array.from({ length: rows }, (_, i) => exampleOf(i, of));
      const ifExists = replaces ? 'replace' : 'refuse';
      const body = { name: index, examples, features: FEATURES, ifExists };
      const { status } = await server.post('/v1/indexes?wait=true', body);
      const isRefused = expected.has(index) && !replaces;
      expect(status).toBe(isRefused ? 409 : 201);
      if (!isRefused) expected.set(index, new Map(examples.map((each) => [each.id, each])));
    }),
  );

const adds = fc.tuple(name, numbers, version).map(([index, ids, of]) =>
  command(`add ${ids.join()} v${of} to ${index}`, async (expected, { server }) => {
    const examples = ids.map((i) => exampleOf(i, of));
    const { status, body } = await server.post(`${at(index)}/examples`, { examples });
    const rows = expected.get(index);
    expect(status).toBe(rows === undefined ? 404 : 200);
    if (rows === undefined) return;
    const inserted = examples.filter(({ id }) => !rows.has(id)).length;
    expect(body).toMatchObject({ inserted, updated: examples.length - inserted });
    for (const each of examples) rows.set(each.id, each);
  }),
);

const deletes = fc.tuple(name, numbers).map(([index, given]) =>
  command(`delete ${given.join()} from ${index}`, async (expected, { server }) => {
    const ids = given.map((i) => `n${i}`);
    const { status, body } = await server.post(`${at(index)}/examples/delete`, { ids });
    const rows = expected.get(index);
    expect(status).toBe(rows === undefined ? 404 : 200);
    if (rows === undefined) return;
    expect(body).toEqual({ deleted: ids.filter((id) => rows.has(id)).length });
    for (const id of ids) rows.delete(id);
  }),
);

const removes = name.map((index) =>
  command(`remove ${index}`, async (expected, { server }) => {
    const { status } = await fetch(server.url + at(index), { method: 'DELETE' });
    expect(status).toBe(expected.has(index) ? 204 : 404);
    expected.delete(index);
  }),
);

const retrieves = fc
  .tuple(name, number, version)
  .map(([index, i, of]) =>
    command(`retrieve n${i} v${of} from ${index}`, (expected, real) =>
      check(expected, real, index, exampleOf(i, of).input),
    ),
  );

const lists = fc.constant(
  command('list', async (expected, { server }) => {
    const { body } = await server.ask('/v1/indexes');
    const listed = body['indexes'] as { name: string; rows: number; state: string }[];
    expect(listed.map((each) => [each.name, each.state, each.rows])).toEqual(
      [...expected].sort().map(([index, rows]) => [index, 'ready', rows.size]),
    );
  }),
);

/** What both writers were told is there is there; who reads meanwhile sees what was there before, and nothing that nobody wrote. */
const together = fc.tuple(name, version).map(([index, of]) =>
  command(`add twice and read, together, v${of} in ${index}`, async (expected, { server }) => {
    const rows = expected.get(index);
    if (rows === undefined) return;
    const [one, two] = [
      [0, 1, 2, 3],
      [2, 3, 4, 5],
    ].map((ids) => ids.map((i) => exampleOf(i, of)));
    const add = (examples: unknown): Promise<Answer> => server.post(`${at(index)}/examples`, { examples });
    const read = server.post(`${at(index)}/retrieve`, { query: 'cat', k: 1000 });
    const [first, second, seen] = await Promise.all([add(one), add(two), read]);
    expect([first.status, second.status, seen.status]).toEqual([200, 200, 200]);
    const ids = (seen.body['examples'] as Example[]).map(({ id }) => id);
    expect(ids).toEqual(expect.arrayContaining([...rows.keys()]));
    for (const each of [...one!, ...two!]) rows.set(each.id, each);
    expect(ids.filter((id) => !rows.has(id))).toEqual([]);
  }),
);

/** One that was not acknowledged is there wholly or not at all. */
const kills = fc.tuple(name, numbers, version, fc.nat(60)).map(([index, ids, of, wait]) =>
  command(`kill ${wait} ms after add ${ids.join()} v${of} to ${index}`, async (expected, real) => {
    const examples = ids.map((i) => exampleOf(i, of));
    const adding = real.server.post(`${at(index)}/examples`, { examples }).catch(() => undefined);
    await pause(wait);
    await real.server.kill();
    const acknowledged = (await adding)?.status === 200;
    await real.restart();
    const rows = expected.get(index);
    if (rows === undefined) return;
    const after = new Map([...rows, ...examples.map((each) => [each.id, each] as const)]);
    const { body } = await real.server.post(`${at(index)}/retrieve`, { query: 'cat', k: 1000 });
    const found = (body['examples'] as Example[]).map(({ id, label, input }) => `${id} ${label} ${input}`).sort();
    const as = (held: ReadonlyMap<string, Example>): string[] =>
      [...held.values()].map(({ id, label, input }) => `${id} ${label} ${input}`).sort();
    if (acknowledged) expect(found).toEqual(as(after));
    else expect([as(rows), as(after)]).toContainEqual(found);
    if (found.join() === as(after).join()) expected.set(index, after);
  }),
);

it(
  'agree with a model of what has to be there (property)',
  async () => {
    const commands = fc.commands([builds, adds, adds, deletes, retrieves, retrieves, removes, lists, together, kills], {
      size: 'max',
      maxCommands: COMMANDS,
    });
    const seed = Number(process.env['TEST_SEED'] ?? 45);
    await fc.assert(
      fc.asyncProperty(commands, (sequence) =>
        inPlace((place) =>
          withServers(place, async (start) => {
            const setup = async () => {
              const real: Real = {
                server: await start({ options: OPTIONS }),
                restart: async () => {
                  real.server = await start({ options: OPTIONS });
                },
              };
              const examples = Array.from({ length: 8 }, (_, i) => exampleOf(i, 0));
              const first = { name: NAMES[0], examples, features: FEATURES };
              expect((await real.server.post('/v1/indexes?wait=true', first)).status).toBe(201);
              const model: Expected = new Map([[NAMES[0], new Map(examples.map((each) => [each.id, each]))]]);
              return { model, real };
            };
            let kept: Awaited<ReturnType<typeof setup>> | undefined;
            await fc.asyncModelRun(async () => (kept = await setup()), sequence);
            for (const index of NAMES) await check(kept!.model, kept!.real, index, exampleOf(0, 0).input);
          }),
        ),
      ),
      { numRuns: SEQUENCES, seed, endOnFailure: true },
    );
  },
  120_000 + SEQUENCES * 240_000,
);
