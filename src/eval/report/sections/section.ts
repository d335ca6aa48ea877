/** A part of the report. */
import type { ReportModel } from '../model.js';
import type { Html } from '../page/html.js';

export interface Rendered {
  /** Where links lead: letters and hyphens. */
  readonly id: string;
  readonly title: string;
  /** What stands under the title. */
  readonly html: Html;
  readonly markdown: string;
}

/** Null where the model has nothing for it. */
export type Section = (model: ReportModel) => Rendered | null;
