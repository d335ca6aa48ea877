/** The gauges of the indexes' health, as they are scraped. */
import { Registry } from 'prom-client';
import { describe, expect, it, vi } from 'vitest';
import { FungiError } from '../../../src/core/errors.js';
import { HealthReports } from '../../../src/server/indexes/health-reports.js';
import { measureHealth } from '../../../src/server/operations/health-metrics.js';
import { askJson } from '../routes/ask.js';
import { FakeCatalogue } from '../routes/fake-catalogue.js';

const EXAMPLES = [
  ...['a', 'aa', 'aaa', 'aaaa', 'AAAA', 'aaaaa'].map((input) => ({ input, label: 'as' })),
  ...['e', 'ee', 'eee', 'eeee', 'eeeee', 'E'].map((input) => ({ input, label: 'es' })),
  { input: 'eee ', label: 'as' },
];

async function served() {
  const catalogue = new FakeCatalogue();
  await catalogue.put('desk', EXAMPLES);
  const registry = new Registry();
  measureHealth({ registry }, catalogue);
  /** Values by series. */
  const scrape = async (): Promise<Record<string, number>> => {
    const lines = (await registry.metrics()).split('\n').filter((line) => line !== '' && !line.startsWith('#'));
    return Object.fromEntries(lines.map((line) => [line.replace(/ \S+$/, ''), Number(line.split(' ').at(-1))]));
  };
  const report = (name: string, body: object = {}) =>
    askJson(catalogue, 'indexHealth', { path: { name }, body: { k: 3, ...body } });
  return { catalogue, registry, scrape, report };
}

interface Groups {
  readonly agreeing: { readonly count: number };
  readonly conflicting: { readonly count: number };
  readonly spare: number;
}

describe('the gauges', () => {
  it('are none before a report, and what the last one said then', async () => {
    const { scrape, report } = await served();
    expect(await scrape()).toEqual({});
    const before = Date.now() / 1000;
    await report('desk', { k: 5 });
    const said = await report('desk');
    const figures = await scrape();
    const { duplicates, doubts, coverage, labels } = said as {
      duplicates: { equal: Groups; near: Groups };
      doubts: { count: number; confident: number };
      coverage: { antihubs: { count: number } };
      labels: { needy: number };
    };
    const others = Object.fromEntries(
      Object.entries(figures)
        .filter(([series]) => !series.includes('timestamp'))
        .map(([series, value]) => [series.replace('{index="desk"}', ''), value]),
    );
    const groups = (kind: 'equal' | 'near') => ({
      [`fungi_health_duplicate_groups{index="desk",kind="${kind}",labels="agreeing"}`]: duplicates[kind].agreeing.count,
      [`fungi_health_duplicate_groups{index="desk",kind="${kind}",labels="conflicting"}`]:
        duplicates[kind].conflicting.count,
      [`fungi_health_spare_examples{index="desk",kind="${kind}"}`]: duplicates[kind].spare,
    });
    expect(others).toEqual({
      fungi_health_examples: EXAMPLES.length,
      'fungi_health_doubted_labels{index="desk",confident="yes"}': doubts.confident,
      'fungi_health_doubted_labels{index="desk",confident="no"}': doubts.count - doubts.confident,
      ...groups('equal'),
      ...groups('near'),
      fungi_health_antihubs: coverage.antihubs.count,
      fungi_health_labels_in_need: labels.needy,
    });
    // What was planted is there: no figure is 0 by mistake.
    expect([duplicates.equal.agreeing.count, duplicates.equal.conflicting.count, duplicates.equal.spare]).toEqual([
      2, 1, 2,
    ]);
    expect(doubts.count).toBeGreaterThan(0);
    const at = figures['fungi_health_report_timestamp_seconds{index="desk"}']!;
    expect(at).toBeGreaterThanOrEqual(before);
    expect(at).toBeLessThanOrEqual(Date.now() / 1000);
  });

  it('tell of drift where the last report was asked for with queries', async () => {
    const { scrape, report } = await served();
    const { drift } = (await report('desk', { queries: ['ooooo', 'oooooooooo'] })) as {
      drift: { statistic: number; critical: number; beyond: { share: number } };
    };
    expect(await scrape()).toMatchObject({
      'fungi_health_drift_beyond_ratio{index="desk"}': drift.beyond.share,
      'fungi_health_drift_statistic{index="desk"}': drift.statistic,
      'fungi_health_drift_critical{index="desk"}': drift.critical,
    });
    expect(drift.beyond.share).toBe(1);
    await report('desk');
    expect(Object.keys(await scrape()).filter((series) => series.includes('drift'))).toEqual([]);
  });

  it('go with the index, and with the generation that was judged', async () => {
    const { catalogue, scrape, report } = await served();
    await catalogue.put('other', EXAMPLES);
    await report('desk');
    await report('other');
    const indexes = async (): Promise<unknown> => [
      ...new Set(Object.keys(await scrape()).map((series) => /index="([^"]+)"/.exec(series)![1])),
    ];
    expect(await indexes()).toEqual(['desk', 'other']);
    await catalogue.remove('desk');
    expect(await indexes()).toEqual(['other']);
    await catalogue.put('desk', EXAMPLES, { storeId: 'two' });
    expect(await indexes()).toEqual(['other']);
    await catalogue.put('other', EXAMPLES, { storeId: 'two' });
    expect(await scrape()).toEqual({});
    await report('other');
    expect(await indexes()).toEqual(['other']);
  });

  it('stay as they were after a report that failed', async () => {
    const { scrape, report } = await served();
    await report('desk');
    const before = await scrape();
    await expect(report('desk', { queries: [' '] })).rejects.toMatchObject({ code: 'INVALID_TEXT' });
    expect(await scrape()).toEqual(before);
  });

  it('ask the catalogue once a scrape about each index that has them, and about no other', async () => {
    const { catalogue, scrape, report } = await served();
    await catalogue.put('other', EXAMPLES);
    await catalogue.put('third', EXAMPLES);
    const storeId = vi.spyOn(catalogue, 'storeId');
    const others = [vi.spyOn(catalogue, 'list'), vi.spyOn(catalogue, 'status'), vi.spyOn(catalogue, 'use')];
    await scrape();
    expect(storeId).not.toHaveBeenCalled();
    await report('desk');
    await report('other');
    for (const spy of others) spy.mockClear();
    await scrape();
    await scrape();
    expect(storeId.mock.calls).toEqual([['desk'], ['other'], ['desk'], ['other']]);
    for (const spy of others) expect(spy).not.toHaveBeenCalled();
  });

  it('stay while the index cannot be read, and the others with them', async () => {
    const { catalogue, scrape, report } = await served();
    await catalogue.put('other', EXAMPLES);
    await report('desk');
    await report('other');
    const before = await scrape();
    const storeId = catalogue.storeId.bind(catalogue);
    const failures = [
      ...(['INDEX_LOCKED', 'STORAGE_FAILED', 'INDEX_CORRUPT'] as const).map((code) => new FungiError(code, 'not now')),
      new Error('EMFILE: too many open files'),
    ];
    for (const error of failures) {
      catalogue.storeId = (name) => (name === 'desk' ? Promise.reject(error) : storeId(name));
      expect(await scrape()).toEqual(before);
    }
    catalogue.storeId = storeId;
    expect(await scrape()).toEqual(before);
  });

  it('are those of a report that comes while they are read', async () => {
    const { catalogue } = await served();
    const report = await catalogue.indexes.get('desk')!.selector.health();
    const reports = new HealthReports();
    reports.keep('desk', 'one', report);
    const storeId = (): Promise<string> => {
      reports.keep('desk', 'two', report);
      return Promise.resolve('two');
    };
    expect((await reports.current({ storeId })).get('desk')?.generation).toBe('two');
  });

  it('are of a hundred indexes at most: the latest', async () => {
    const { catalogue } = await served();
    const selector = catalogue.indexes.get('desk')!.selector;
    const report = await selector.health();
    const reports = new HealthReports();
    for (let i = 0; i < 130; i++) reports.keep(`i${i}`, 'one', report);
    reports.keep('i40', 'one', report, 5000);
    const current = await reports.current({ storeId: () => Promise.resolve('one') });
    expect([...current.keys()]).toEqual([
      ...Array.from({ length: 100 }, (_, i) => `i${i + 30}`).filter((name) => name !== 'i40'),
      'i40',
    ]);
    expect(current.get('i40')!.at).toBe(5);
  });
});
