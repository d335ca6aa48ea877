import { z } from 'zod';
import { FungiError } from '../../../core/errors.js';
import { assertSelects, HEALTH_DEFAULTS, HEALTH_LIMITS } from '../../../health/pool-health.js';
import type { FungiSelector } from '../../../selector/selector.js';
import { HealthReports } from '../../indexes/health-reports.js';
import { InTurn } from '../../indexes/in-turn.js';
import type { Route } from '../../route.js';
import { assertClientItems } from '../client-items.js';
import { codes, ENCODING, OPENING } from '../failures.js';
import { indexPath, item, MAX_ITEMS, noQuery, type IndexPath } from '../fields.js';
import { generationOf, generationShape } from '../selection/selected.js';
import { reportShape, shownReport } from './health-report.js';

/**
 * Pairs of vectors of at most {@link FULL_DIMS} dimensions that are compared for a request: those of 20,000 examples. A reply then names
 * fewer than the 50,000 examples that one of `retrieve` may hold.
 */
const MAX_PAIRS = 400_000_000;
/** Of longer ones accordingly fewer. */
const FULL_DIMS = 512;
/** Requests that wait while another report is made: each holds its items in memory. */
const MAX_WAITING = 8;

const whole = (member: 'k' | 'top' | 'select') => z.int().min(1).max(HEALTH_LIMITS[member]);
const items = z.array(item).min(1).max(MAX_ITEMS);

const bodySchema = z
  .strictObject({
    k: whole('k').default(HEALTH_DEFAULTS.k).meta({ description: 'Neighbours that an example is judged by.', examples: [20] }),
    nearDistance: z
      .number()
      .min(0)
      .max(HEALTH_LIMITS.nearDistance)
      .default(HEALTH_DEFAULTS.nearDistance)
      .meta({ description: 'Examples at most so far apart, as cosine distance, are near duplicates.' }),
    top: whole('top').default(HEALTH_DEFAULTS.top).meta({ description: 'Entries of each list of the report; counts are of all.' }),
    unlabelled: items.optional().meta({ description: 'Items without a label, of which some are chosen to be labelled.' }),
    select: whole('select').optional().meta({
      description: `So many of them, ${HEALTH_DEFAULTS.select} where it is left out; refused without unlabelled.`,
    }),
    queries: items.optional().meta({
      description: `Items that were asked about lately: do they look like the examples? With unlabelled at most ${MAX_ITEMS} items.`,
    }),
  })
  .meta({ examples: [{ queries: ['my library card was stolen, can I still borrow?'] }] });
type Body = z.output<typeof bodySchema>;

/** Of all indexes, and of all apps in the process: they share its event loop, of which each report takes slices. */
const turns = new InTurn(MAX_WAITING);

export const indexHealth: Route<IndexPath, unknown, Body> = {
  method: 'post',
  path: '/v1/indexes/{name}/health',
  operationId: 'indexHealth',
  tag: 'indexes',
  summary:
    'Tells what is wrong with the examples of an index, and what would help: docs/health.md says what each member means. One report ' +
    `is made at a time, of all indexes; ${MAX_WAITING} more requests wait. A request compares ${MAX_PAIRS} pairs of ${FULL_DIMS} dimensions.`,
  scope: 'read',
  errors: 'problem',
  pathSchema: indexPath,
  querySchema: noQuery,
  body: { size: 'media', schema: bodySchema, optional: true },
  replies: { 200: { description: 'The report.', schema: z.strictObject({ ...generationShape, ...reportShape }) } },
  failures: codes(OPENING, ENCODING),

  async handle({ path: { name }, body, context: { catalogue, signal } }) {
    assertSelects(body);
    assertItemCount(body);
    // What cannot be done is told of at once, and not after others' work.
    await catalogue.use(name, (selector) => {
      assertFits(selector, body);
      return Promise.resolve();
    });
    return turns.run(signal, () =>
      catalogue.use(name, async (selector) => {
        assertFits(selector, body);
        const { unlabelled, queries, select, ...options } = body;
        const report = await selector.health({
          ...options,
          ...(unlabelled && { unlabelled }),
          ...(select !== undefined && { select }),
          ...(queries && { queries }),
          signal,
        });
        HealthReports.of(catalogue).keep(name, selector.manifest.storeId, report);
        return {
          kind: 'json',
          status: 200,
          body: { ...generationOf(selector), ...shownReport(report, selector.modality) },
        };
      }),
    );
  },
};

/** @throws {FungiError} INVALID_ARGUMENT */
function assertItemCount({ unlabelled = [], queries = [] }: Body): void {
  const count = unlabelled.length + queries.length;
  if (count <= MAX_ITEMS) return;
  throw new FungiError('INVALID_ARGUMENT', `${count} items, unlabelled and queries; a request has ${MAX_ITEMS}`, {
    hint: 'Send them in two requests, or fewer.',
  });
}

/** @throws {FungiError} INVALID_ARGUMENT for too much work; INVALID_MEDIA, INVALID_TEXT */
function assertFits(
  { size: rows, dims, modality }: Pick<FungiSelector, 'size' | 'dims' | 'modality'>,
  { unlabelled = [], queries = [] }: Body,
): void {
  assertClientItems(unlabelled, modality, (place) => `unlabelled ${place}`);
  assertClientItems(queries, modality, (place) => `queries ${place}`);
  const pairs = (rows + unlabelled.length) ** 2 + queries.length * rows;
  const most = Math.floor(MAX_PAIRS / Math.max(1, dims / FULL_DIMS));
  if (pairs <= most) return;
  throw new FungiError(
    'INVALID_ARGUMENT',
    `health: ${rows} examples, ${unlabelled.length} unlabelled items and ${queries.length} queries are ${pairs} pairs of ` +
      `${dims} dimensions to compare; a request compares ${most}`,
    { hint: 'Send fewer items; for a larger index run `fungi health` where it lies, which has no such limit.' },
  );
}
