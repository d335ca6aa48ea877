import { PromptTemplate } from '@langchain/core/prompts';
import { FungiExampleSelector, SafeFewShotPromptTemplate } from '../src/adapters/langchain/index.js';

const exampleSelector = await FungiExampleSelector.open({ name: 'help-desk', k: 3 });
const examplePrompt = PromptTemplate.fromTemplate('Message: {input}\nLabel: {output}');
const suffix = 'Message: {message}\nLabel:';
const prompt = new SafeFewShotPromptTemplate({ exampleSelector, examplePrompt, suffix, inputVariables: ['message'] });
console.log(await prompt.format({ message: 'my library card was stolen, can I still borrow?' }));
await exampleSelector.close();
