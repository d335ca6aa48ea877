import express from 'express';
import { FungiSelector, OpenAiClient } from '../src/index.js';
import { fungiAnswer } from '../src/adapters/express/index.js';

const selector = await FungiSelector.open({ name: 'help-desk' });
const baseUrl = process.env['OPENAI_BASE_URL']; // without one, the nearest examples vote
const llm = baseUrl ? new OpenAiClient({ baseUrl, model: process.env['OPENAI_MODEL'] ?? 'default' }) : undefined;
const app = express().get('/label', fungiAnswer({ selector, llm, query: (req: express.Request) => req.query['text'] }));
const server = app.listen(Number(process.env['PORT'] ?? 3000), '127.0.0.1');
server.on('listening', () => process.stdout.write(JSON.stringify(server.address())));
