/** What a selector does, for people who have not read the paper. */
import { parseFeatureSet, type LossName } from '../../features/feature-sets.js';

const LOSSES: Readonly<Record<LossName, string>> = {
  kl: 'the gradient of the KL loss',
  simclr: 'the gradient of the SimCLR loss',
  dino: 'the gradient of the DINO loss',
  deepcluster: 'the gradient of the DeepCluster loss',
  ibot: 'the gradient of the iBOT loss',
};

const PLAIN: Readonly<Record<string, string>> = {
  none: 'no examples: the prompt has the labels and the query alone',
  random: 'examples drawn at random, others for each query',
  fixed: 'the same random examples for every query, as in a prompt that is written once',
  bm25: 'the examples that share most words with the query (BM25)',
};

/** @param given as the user named it: a built-in name, or `NAME=COMMAND` for a program */
export function selectorWords(given: string): string {
  const program = /^[\w.-]+=(.+)$/su.exec(given);
  if (program) return `a program: ${program[1]!}`;
  if (PLAIN[given] !== undefined) return PLAIN[given];
  if (given.startsWith('mmr:')) {
    const set = featureWords(given.slice('mmr:'.length));
    return set === undefined
      ? ''
      : `near the query but unlike each other (maximal marginal relevance), compared by ${set}`;
  }
  const set = featureWords(given);
  return set === undefined ? '' : `the nearest examples, compared by ${set}`;
}

function featureWords(name: string): string | undefined {
  try {
    const { losses, embedding } = parseFeatureSet(name);
    const gradients = losses.map((loss) => LOSSES[loss]).join(' and ');
    if (!embedding) return `${gradients} alone`;
    return losses.length === 0 ? 'the encoder’s embedding' : `the encoder’s embedding joined with ${gradients} (FUNGI)`;
  } catch {
    return undefined;
  }
}
