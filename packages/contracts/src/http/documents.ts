import { type TString, Type } from '@sinclair/typebox'
import { problems } from './problem.ts'
import { NotModified } from './well-known.ts'

const document = <Version extends 'openapi' | 'asyncapi'>(version: Version, example: string) =>
  Type.Object({ [version]: Type.String({ examples: [example] }) } as Record<Version, TString>, {
    additionalProperties: true,
    description: 'The document.',
  })

/** Served unless REKEY_API_DOCS is false. */
export const OpenapiDocument = {
  operationId: 'openapi',
  summary: 'This document (OpenAPI 3.1); /docs shows it',
  tags: ['Discovery'],
  unlimited: true as const,
  response: { 200: document('openapi', '3.1.1'), 304: NotModified, ...problems },
}

/** Served unless REKEY_API_DOCS is false. */
export const AsyncapiDocument = {
  operationId: 'asyncapi',
  summary: 'Events and RPCs (AsyncAPI 3.1); /docs/events shows them',
  tags: ['Discovery'],
  unlimited: true as const,
  response: { 200: document('asyncapi', '3.1.0'), 304: NotModified, ...problems },
}
