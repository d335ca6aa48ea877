/** A pool's health for people: what is wanting, the first few examples of it, and the way out. */
import { nameOf } from '../encoders/media/read-media.js';
import type { SameExamples } from '../health/duplicates.js';
import { EXPECTED_BEYOND } from '../health/drift.js';
import type { HealthReport } from '../health/pool-health.js';
import { counted, percent, table, type Column } from './output.js';

/** Entries of a list that are shown; --json has more. */
const SHOWN = 5;
/** Ids of a group that are shown. */
const IDS = 3;

interface Section {
  readonly title: string;
  readonly columns?: readonly Column[];
  readonly rows?: readonly (readonly string[])[];
  /** Entries that are not shown. */
  readonly more?: number;
  readonly wayOut?: string;
}

/** A digest by its beginning: --json has it whole. */
const shortId = (id: string): string => (id.length > 20 ? `${id.slice(0, 12)}…` : id);
const right = (title: string): Column => ({ title, align: 'right' });
const flexible = (title: string): Column => ({ title, flexible: true });
const share = (fraction: number): string => `${percent(fraction)} %`;

/** @param width of the screen */
export function healthText(name: string, report: HealthReport, width: number): string {
  const { rows, labelCount, k, zeroVectors } = report;
  const zeros = zeroVectors === 0 ? '' : `; ${counted(zeroVectors, 'example')} with a vector of zeros`;
  const heading = `index "${name}": ${counted(rows, 'example')}, ${counted(labelCount, 'label')}, each example judged by its ${k} nearest others${zeros}`;
  const sections = [
    ...[doubts(report), equal(report), near(report), labels(report), confusions(report)],
    ...[hubs(report), antihubs(report), next(report), drift(report)],
  ].filter((section) => section !== undefined);
  return [heading, ...sections.map((section) => sectionText(section, width))].join('\n\n');
}

function sectionText({ title, columns = [], rows = [], more = 0, wayOut }: Section, width: number): string {
  const shown = rows.slice(0, SHOWN);
  const hidden = rows.length - shown.length + more;
  return [
    title,
    ...(shown.length === 0 ? [] : [table(columns, shown, width)]),
    ...(hidden > 0 && shown.length > 0 ? [`… and ${hidden} more: --json, --top`] : []),
    ...(wayOut === undefined ? [] : [`way out: ${wayOut}`]),
  ].join('\n');
}

const REBUILD = 'or change the data and run fungi index again with --force';

function doubts({ doubts: { count, first, byReason, confident }, rows, labelCount }: HealthReport): Section {
  if (labelCount < 2) return { title: 'doubted labels: there is one label, so no example can have another' };
  const reasons =
    byReason['same-item'] === 0 ? '' : `, ${byReason['same-item']} because the same item has another label`;
  return {
    title: `doubted labels: ${count} of ${rows}, ${confident} of them with confidence${reasons}; the most doubtful first`,
    columns: [
      { title: 'id' },
      { title: 'label' },
      { title: 'rather' },
      right('votes'),
      right('for it'),
      flexible('text'),
    ],
    rows: first.map(({ id, label, likelier, own, other, input }) => [
      ...[shortId(id), label, likelier, share(own), share(other), nameOf(input)],
    ]),
    more: count - first.length,
    ...(count > 0 && {
      wayOut: `look at each; selector.add([{id, input, label}]) gives an example of your own id another label, selector.remove([id]) takes it out, ${REBUILD}`,
    }),
  };
}

const groupColumns: readonly Column[] = [right('rows'), flexible('labels'), { title: 'ids' }, flexible('text')];

const groupRow = ({ rows, labels, examples }: SameExamples): string[] => [
  ...[String(rows), labels.join(' | ')],
  `${examples
    .slice(0, IDS)
    .map(({ id }) => shortId(id))
    .join(' ')}${rows > IDS ? ' …' : ''}`,
  nameOf(examples[0]!.input),
];

/** Groups that disagree first: they are errors, and the others mere weight. */
function groupsSection(title: string, { agreeing, conflicting, spare }: HealthReport['duplicates']['equal']): Section {
  const count = agreeing.count + conflicting.count;
  return {
    title: `${title}: ${counted(conflicting.count, 'group')} with several labels, ${agreeing.count} with one (${counted(spare, 'example')} to spare)`,
    columns: groupColumns,
    rows: [...conflicting.first, ...agreeing.first].map(groupRow),
    more: count - conflicting.first.length - agreeing.first.length,
    ...(count > 0 && {
      wayOut: `decide on one label of several; of a group with one keep one: selector.remove([ids]), ${REBUILD}; or select with --policy '{"duplicates": true}'`,
    }),
  };
}

const equal = ({ duplicates }: HealthReport): Section =>
  groupsSection('equal items, case and spaces of texts aside', duplicates.equal);

const near = ({ duplicates: { near: groups } }: HealthReport): Section =>
  groupsSection(`near duplicates, cosine distance up to ${groups.distance}`, groups);

function labels({ labels: { first, needy, accuracy, count } }: HealthReport): Section {
  const found = accuracy === null ? '' : `; the others find the label of ${share(accuracy)} of all examples`;
  const inNeed = first.filter(({ needs }) => needs.length > 0);
  return {
    title: `labels that need examples: ${needy} of ${count}${found}`,
    columns: [{ title: 'label' }, right('rows'), right('found'), { title: 'need' }, flexible('taken for')],
    rows: inNeed.map(({ label, rows, accuracy: own, needs, takenFor }) => [
      ...[label, String(rows), own === null ? '' : share(own.share), needs.join(', ')],
      takenFor.map((other) => `${other.label} (${other.count})`).join(', '),
    ]),
    more: needy - inNeed.length,
    ...(needy > 0 && {
      wayOut:
        'add examples of these labels, those first that tell them from what they are taken for; labels that mean the same become one',
    }),
  };
}

function confusions({ labels: { confusions: pairs } }: HealthReport): Section | undefined {
  if (pairs.count === 0) return undefined;
  return {
    title: `labels taken for others: ${counted(pairs.count, 'pair')}`,
    columns: [{ title: 'label' }, { title: 'taken for' }, right('rows'), right('of')],
    rows: pairs.first.map(({ label, takenFor, count, of }) => [label, takenFor, String(count), String(of)]),
    more: pairs.count - pairs.first.length,
  };
}

function hubs({ coverage: { hubs: found, skewness, agreement }, k }: HealthReport): Section {
  return {
    title: `hubs: ${counted(found.count, 'example')} far more often among the ${k} nearest than others (skewness ${skewness.toFixed(2)}; ${share(agreement)} of neighbours have the example's label)`,
    columns: [{ title: 'id' }, { title: 'label' }, right('neighbour of'), right('other label'), flexible('text')],
    rows: found.first.map(({ id, label, neighbourOf, otherLabel, input }) => [
      ...[shortId(id), label, String(neighbourOf), share(otherLabel), nameOf(input)],
    ]),
    more: found.count - found.first.length,
    ...(found.first.some(({ otherLabel }) => otherLabel > 0.5) && {
      wayOut:
        'look at those whose neighbours mostly have another label: their text says little, or their label is wrong',
    }),
  };
}

function antihubs({ coverage: { antihubs: found }, rows, k }: HealthReport): Section {
  return {
    title: `nobody's neighbour: ${counted(found.count, 'example')} (${share(found.count / rows)}) among the ${k} nearest of none; the farthest from all first`,
    columns: [{ title: 'id' }, { title: 'label' }, right('nearest'), flexible('text')],
    rows: found.first.map(({ id, label, nearest, input }) => [shortId(id), label, nearest.toFixed(4), nameOf(input)]),
    more: found.count - found.first.length,
    ...(found.count > 0 && {
      wayOut: 'take out what does not belong here; where queries like them are to be expected, add more of their kind',
    }),
  };
}

function next({ next: found }: HealthReport): Section {
  if (found === null)
    return { title: 'what to label next: needs items without a label', wayOut: '--unlabelled FILE, --select COUNT' };
  const { chosen, candidates, known } = found;
  const dropped = known === 0 ? '' : `; ${known} more are known or given twice`;
  return {
    title: `what to label next: ${chosen.length} of ${counted(candidates, 'item')}${dropped}; the best first, by score: the items that have it among their nearest, each counting a tenth for every one of these that is an example or chosen before`,
    columns: [right('score'), right('nearest'), { title: 'its label' }, flexible('text')],
    rows: chosen.map(({ score, nearest, input }) => [
      ...[scoreText(score), nearest.distance.toFixed(4), nearest.label, nameOf(input)],
    ]),
    ...(chosen.length > 0 && { wayOut: 'label them (--json has all), and selector.add them' }),
  };
}

/** 3, 0.21, 4.0e-7: it falls by powers of ten. */
const scoreText = (score: number): string =>
  Number.isInteger(score) ? String(score) : score < 0.001 ? score.toExponential(1) : score.toPrecision(3);

function drift({ drift: found }: HealthReport): Section {
  if (found === null) return { title: 'drift: needs queries of late', wayOut: '--queries FILE' };
  const { queries, beyond, limit, statistic, critical, median, farthest } = found;
  const interval = `${percent(beyond.low)} to ${percent(beyond.high)}`;
  const isFar = beyond.low > EXPECTED_BEYOND;
  const isFarther = statistic > critical && median.queries > median.pool;
  const says = isFar
    ? 'they are unlike the examples'
    : isFarther
      ? 'on the whole they lie farther'
      : 'they are as the examples are';
  return {
    title:
      `drift: ${share(beyond.share)} (${interval}) of ${counted(queries, 'query').replace(/querys$/, 'queries')} lie farther from all examples than 99 % of these do from each other (${limit.toFixed(4)}): ${says}\n` +
      `distance to the nearest example: median ${median.queries.toFixed(4)}, of the examples ${median.pool.toFixed(4)}; Kolmogorov–Smirnov ${statistic.toFixed(3)}, by chance below ${critical.toFixed(3)}`,
    columns: [right('distance'), { title: 'nearest label' }, flexible('text')],
    rows: farthest.first.map(({ distance, nearest, input }) => [distance.toFixed(4), nearest.label, nameOf(input)]),
    more: farthest.count - farthest.first.length,
    ...((isFar || isFarther) && { wayOut: 'label some of them: give the same file as --unlabelled' }),
  };
}
