import type { ErrorCode } from '@dta/errors';
import type { z } from 'zod';
import type { InternalCall } from '../internal/calls.js';

/** One answer of a route, by its status. */
export interface RouteAnswer {
  readonly description: string;
  /** `null`: no JSON, but `contentType`; a body that is empty where there is none either. */
  readonly schema: z.ZodType | null;
  readonly contentType?: string;
  /** Headers beside those that every answer has. */
  readonly headers?: Readonly<Record<string, string>>;
}

/** One method of one path: all that is known of it. */
export interface Route {
  readonly method: 'get' | 'post';
  /** With `{name}` for what is in `params`. */
  readonly path: string;
  readonly summary: string;
  readonly tag: string;
  /** Whether it is answered without a token. */
  readonly isPublic: boolean;
  readonly params: z.ZodObject | null;
  readonly query: z.ZodObject | null;
  readonly body: z.ZodType | null;
  /** Headers that the route itself reads. */
  readonly headers?: z.ZodObject;
  /** Statuses that aren't errors; and 503 of `/health/ready`, which is no problem document. */
  readonly answers: Readonly<Record<number, RouteAnswer>>;
  readonly errors: readonly ErrorCode[];
  readonly calls: readonly InternalCall[];
}

type Read<S> = S extends z.ZodType ? z.output<S> : null;

/** A route's input after validation. */
export interface InputOf<R extends Route> {
  readonly params: Read<R['params']>;
  readonly query: Read<R['query']>;
  readonly body: Read<R['body']>;
  readonly headers: R extends { readonly headers: infer H } ? Read<H> : null;
}

/** What a route may be answered with, before it is encoded as JSON. */
export type AnswerOf<R extends Route> = {
  [S in keyof R['answers'] & number]: {
    readonly status: S;
    readonly body: R['answers'][S] extends { readonly schema: infer B } ? Read<B> : never;
    readonly headers?: Readonly<Record<string, string>>;
  };
}[keyof R['answers'] & number];
