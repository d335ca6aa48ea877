/** The parts of the report in the order of reading. */
import type { ReportModel } from '../model.js';
import { accuracy } from './accuracy.js';
import { cases } from './cases.js';
import { classes } from './classes.js';
import { confusions } from './confusions.js';
import { curve } from './curve.js';
import { data } from './data.js';
import { figures } from './figures.js';
import { llmAccuracy } from './llm-accuracy.js';
import { llmCost } from './llm-cost.js';
import { llmFiguresSection } from './llm-figures.js';
import { map } from './map.js';
import { method } from './method.js';
import type { Rendered, Section } from './section.js';
import { summary } from './summary.js';

const SECTIONS: readonly Section[] = [
  summary,
  accuracy,
  llmAccuracy,
  llmFiguresSection,
  llmCost,
  figures,
  curve,
  classes,
  confusions,
  map,
  cases,
  data,
  method,
];

export const renderSections = (model: ReportModel): Rendered[] => SECTIONS.flatMap((section) => section(model) ?? []);
