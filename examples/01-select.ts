import { readFile } from 'node:fs/promises';
import { FungiError, FungiSelector, OpenAiClient } from '../src/index.js';

const lines = (await readFile('examples/demo/train.jsonl', 'utf8')).trim().split('\n');
const rows = lines.map((line) => JSON.parse(line) as { text: string; label: string });
const examples = rows.map(({ text, label }) => ({ input: text, label }));

const built = await FungiSelector.build({ name: 'help-desk', examples, ifExists: 'set-aside' });
await built.close();

// Any time later, in any process: the same model and settings, or a typed error.
const selector = await FungiSelector.open({ name: 'help-desk' });
const query = 'my library card was stolen, can I still borrow?';

const selection = await selector.select(query, { k: 5 });
for (const { rank, distance, label, input } of selection.examples) console.log(rank, distance.toFixed(3), label, input);

const prompt = await selector.prompt(query, { template: 'classify' });
console.log(prompt.messages[0]?.content);
console.log(`about ${prompt.size.tokens} tokens`);

// With an LLM it answers; without one the examples vote.
const [baseUrl, model] = [process.env['OPENAI_BASE_URL'], process.env['OPENAI_MODEL']];
const llm = baseUrl && model && new OpenAiClient({ baseUrl, model, apiKey: process.env['OPENAI_API_KEY'] });
try {
  const { by, label, vote } = await selector.answer(query, llm ? { llm } : {});
  console.log(by, label, `${vote.votes} of ${vote.total} votes for ${vote.label}`);
} catch (error) {
  if (!FungiError.is(error)) throw error;
  console.error(`${error.code}: ${error.message}`);
  process.exitCode = error.exitCode;
}

await selector.add([{ id: 'card-201', input: 'Someone took my card', label: 'replace_or_renew_card' }]);
await selector.remove(['card-201']);
await selector.close();
