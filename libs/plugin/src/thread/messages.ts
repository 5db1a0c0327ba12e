import type { Extension } from '../order-plugin.js';

/** The plugin's schemas by what they are of. */
export type SchemaName = 'order' | 'request' | 'placed' | 'redemption' | 'redeemed';

/** What a plugin says of itself when it is loaded. */
export interface PluginDescription {
  readonly name: string;
  readonly apiVersion: number;
  /** Each schema as the text of its JSON Schema (2020-12). */
  readonly schemas: Readonly<Record<SchemaName, string>>;
}

/** An order's facts on their way to a thread. */
export interface Facts {
  readonly orderReference: string;
  readonly orderReferenceBytes: Uint8Array;
  readonly commitment: Uint8Array;
  readonly request: Extension;
}

/** What a thread may be asked, by the name of the call. */
export interface Inputs {
  readonly placeOrder: { readonly extension: Extension };
  readonly answerOrder: Facts & { readonly held: Uint8Array | null };
  readonly validateRedemption: Facts & { readonly redemption: Extension };
  readonly answerRedemption: Facts & { readonly redemption: Extension; readonly secret: Uint8Array };
}

export type CallName = keyof Inputs;

/** From host to thread: one call at a time. */
export interface CallMessage<C extends CallName = CallName> {
  readonly call: C;
  readonly input: Inputs[C];
}

/** From thread to host, once: the plugin is loaded, or why not. */
export type LoadMessage =
  { readonly loaded: PluginDescription; readonly passThrough: boolean } | { readonly unloadable: string };

/** From thread to host: the answer to a call. An extension is JSON text, so that its size is known before it is read. */
export type AnswerMessage =
  | { readonly extension: string; readonly held: Uint8Array | null }
  | { readonly refused: string }
  /** a hook's own name, and what was wrong with it in words of ours */
  | { readonly fault: string };
