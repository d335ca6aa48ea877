/**
 * What is classified and retrieved. Of a text encoder's items each is the text itself; of an image or audio encoder's, where the
 * media lie: a path, or the bytes themselves as a `data:` URL.
 */
export type Item = string;

/** What an encoder reads. */
export const MODALITIES = ['text', 'image', 'audio'] as const;
export type Modality = (typeof MODALITIES)[number];

/** Values a row can be filtered by. */
export type MetadataValue = string | number | boolean;
export type Metadata = Readonly<Record<string, MetadataValue>>;

/** A labelled example, as the user gives it: `id` is made from content and label when absent. */
export interface ExampleInput {
  readonly id?: string;
  readonly input: Item;
  readonly label: string;
  readonly metadata?: Metadata;
}

/** A labelled example with its key. */
export interface Example {
  readonly id: string;
  readonly input: Item;
  readonly label: string;
  readonly metadata: Metadata;
}
