/** Do FUNGI features choose better examples than plain embeddings on your data? `npx tsx examples/02-evaluate.ts train.jsonl test.jsonl` */
import {
  bm25Selector,
  compareReport,
  compareSelectors,
  drawPools,
  featureSelectors,
  loadEngine,
  readExamples,
  verdict,
} from '../src/eval/index.js';

const [train = 'train.jsonl', test = 'test.jsonl'] = process.argv.slice(2);
const { examples: pool } = await readExamples(train);
const { examples: queries } = await readExamples(test);
const pools = drawPools(
  pool.map(({ label }) => label),
  { seeds: [0] },
);
const { engine } = await loadEngine({});
const byFeatures = featureSelectors(engine, { names: ['embedding', 'kl', 'mmr:embedding'], pool, pools });
const selectors = [bm25Selector, ...byFeatures];
const comparison = await compareSelectors({ pool, queries, pools, selectors, k: 20 });
console.log(verdict(compareReport(comparison, { pool, queries, k: 20 })));
for (const selector of selectors) await selector.close?.();
await engine.close();
