/** What Prometheus reads of the indexes' health: the figures of the last report that was asked for over HTTP. */
import { Gauge } from 'prom-client';
import type { IndexCatalogue } from '../indexes/catalogue.js';
import { HealthReports, type HealthFigures } from '../indexes/health-reports.js';
import type { ServerMetrics } from './metrics.js';

/** A value and its labels but `index`, whose values are few and known. */
type Sample = readonly [value: number, labels?: Readonly<Record<string, string>>];

interface Figure {
  readonly name: string;
  readonly help: string;
  readonly labels?: readonly string[];
  readonly samples: (figures: HealthFigures) => readonly Sample[];
}

const EQUALITIES = ['equal', 'near'] as const;

const FIGURES: readonly Figure[] = [
  {
    name: 'fungi_health_report_timestamp_seconds',
    help: 'When the last report on the health of an index was made',
    samples: ({ at }) => [[at]],
  },
  {
    name: 'fungi_health_examples',
    help: 'Examples that it judged',
    samples: ({ examples }) => [[examples]],
  },
  {
    name: 'fungi_health_doubted_labels',
    help: 'Examples whose label is likely wrong, and those of them that are confidently so',
    labels: ['confident'],
    samples: ({ doubted: { all, confident } }) => [
      [confident, { confident: 'yes' }],
      [all - confident, { confident: 'no' }],
    ],
  },
  {
    name: 'fungi_health_duplicate_groups',
    help: 'Groups of examples that say the same: equal or near, with one label (agreeing) or several (conflicting)',
    labels: ['kind', 'labels'],
    samples: (figures) =>
      EQUALITIES.flatMap((kind): Sample[] => [
        [figures[kind].agreeing, { kind, labels: 'agreeing' }],
        [figures[kind].conflicting, { kind, labels: 'conflicting' }],
      ]),
  },
  {
    name: 'fungi_health_spare_examples',
    help: 'Examples of agreeing groups that could go',
    labels: ['kind'],
    samples: (figures) => EQUALITIES.map((kind): Sample => [figures[kind].spare, { kind }]),
  },
  {
    name: 'fungi_health_antihubs',
    help: 'Examples that are among the nearest of no other',
    samples: ({ antihubs }) => [[antihubs]],
  },
  {
    name: 'fungi_health_labels_in_need',
    help: 'Labels that need examples',
    samples: ({ labelsInNeed }) => [[labelsInNeed]],
  },
  {
    name: 'fungi_health_drift_beyond_ratio',
    help: 'Share of the queries farther from the examples than 99 % of these are from each other',
    samples: ({ drift }) => (drift === undefined ? [] : [[drift.beyond]]),
  },
  {
    name: 'fungi_health_drift_statistic',
    help: 'Kolmogorov-Smirnov statistic of the distances of queries and examples',
    samples: ({ drift }) => (drift === undefined ? [] : [[drift.statistic]]),
  },
  {
    name: 'fungi_health_drift_critical',
    help: 'What that statistic stays below in 95 of 100 cases where nothing differs',
    samples: ({ drift }) => (drift === undefined ? [] : [[drift.critical]]),
  },
];

/** Adds the gauges. An index that is gone, or was built anew since its report, has none. */
export function measureHealth({ registry }: Pick<ServerMetrics, 'registry'>, catalogue: IndexCatalogue): void {
  const reports = HealthReports.of(catalogue);
  // All gauges are read together, and the catalogue is asked once about each index.
  let reading: Promise<ReadonlyMap<string, HealthFigures>> | undefined;
  const current = (): Promise<ReadonlyMap<string, HealthFigures>> =>
    (reading ??= reports.current(catalogue).finally(() => {
      reading = undefined;
    }));
  for (const { name, help, labels = [], samples } of FIGURES) {
    new Gauge({
      ...{ name, help, labelNames: ['index', ...labels], registers: [registry] },
      async collect() {
        const figures = await current();
        this.reset();
        for (const [index, of] of figures) {
          for (const [value, more] of samples(of)) this.set({ index, ...more }, value);
        }
      },
    });
  }
}
