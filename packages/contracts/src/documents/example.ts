import type { TSchema } from '@sinclair/typebox'

/** Examples of fields whose schema has none, by the field's name: one customer, one client, one time, in all documents. */
const byName: Record<string, unknown> = {
  access_token: 'eyJhbGciOiJFZERTQSIsInR5cCI6ImF0K2p3dCJ9.eyJzdWIiOiJFTjAwMDAwQ1kifQ.c2lnbmF0dXJl',
  account: 'f1d2d2f924e986ac86fdf7b36c94bcdf32beec15',
  actorId: 'EN00000CY',
  added: 'oob:sms:+44*******01',
  addresses: 'b*1@gmail.com',
  allowance: 10,
  approvedBy: 'staff-2',
  aud: 'rekey:api',
  answer: '250 2.0.0 Ok: queued as 4F2A1B9C',
  authorization_endpoint: 'http://localhost:8080/oauth/v2/authorize',
  blockedFrom: '2022-01-01T00:00:00.000Z',
  blockedUntil: '2022-01-01T00:10:00.000Z',
  cancelReason: 'Started for the wrong platform.',
  changedAt: '2022-01-01T00:00:00.000Z',
  channel: 'email',
  claimedIp: '203.0.113.7',
  client_id: 'ib_localhost',
  clientId: 'ib_localhost',
  code: 'malformed',
  code_challenge_methods_supported: 'S256',
  customer: 'EN00000CY',
  customerId: 1,
  decidedBy: 'staff-2',
  decidedByOwner: 'owner-2',
  decisionReason: 'Confirmed by a call to the number on record.',
  device: 'oob:email:b*1@gmail.com',
  devices: 'oob:email:b*1@gmail.com',
  digest: 'cf34dd0002ee4e526ade36e0210cde3c0d25934d69e8e7b6c1659d92a3e92807',
  error_description: 'Please choose a device and confirm the challenge with the code sent to it',
  expires_in: 3600,
  expiresAt: '2022-01-01T00:10:00.000Z',
  field: 'identifiers/0/value',
  grant_types_supported: 'authorization_code',
  introspection_endpoint: 'http://localhost:8080/oauth/v2/introspect',
  introspection_endpoint_auth_methods_supported: 'client_secret_basic',
  ip: '203.0.113.7',
  iss: 'http://localhost:8080',
  issuer: 'http://localhost:8080',
  jobId: '0194f3a2-5b1c-7d3e-8f90-a1b2c3d4e5f6',
  jti: '0194f3a2-5b1c-7d3e-8f90-a1b2c3d4e5f6',
  jwks_uri: 'http://localhost:8080/.well-known/jwks.json',
  keptSession: '0194f3a2-5b1c-7d3e-8f90-a1b2c3d4e5f6',
  kid: '2026-11-26',
  knownNetwork: '2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae',
  locale: 'en-GB',
  maker: 'staff-1',
  makerOwner: 'owner-1',
  message: 'is malformed',
  messageId: '0194f3a2-5b1c-7d3e-8f90-a1b2c3d4e5f6',
  notBefore: '2022-01-01T00:00:00.000Z',
  passwordHash: '$2b$12$3euPcmQFCiblsZeEu5s7p.9OVHgeHWFDk9nhMqZ0m/3pd/lhwZgES',
  reason: 'The customer lost the phone.',
  refresh_token: 'tGzv3JOkF0XG5Qx2TlKWIA',
  removed: 'oob:email:b*1@gmail.com',
  replacedBy: 'b*2@gmail.com',
  response_types_supported: 'code',
  retryAfterSeconds: 600,
  revocation_endpoint: 'http://localhost:8080/oauth/v2/revoke',
  revocation_endpoint_auth_methods_supported: 'client_secret_basic',
  scope: 'CUSTOMER:PASSWORD:RESTORE',
  scopes_supported: 'CUSTOMER:PASSWORD:RESTORE',
  sessionId: '0194f3a2-5b1c-7d3e-8f90-a1b2c3d4e5f6',
  sid: '0194f3a2-5b1c-7d3e-8f90-a1b2c3d4e5f6',
  sign_token: 'eyJhbGciOiJFZERTQSIsInR5cCI6ImF0K2p3dCJ9.eyJzdWIiOiJFTjAwMDAwQ1kifQ.c2lnbmF0dXJl',
  state: '5e982a097260d146803b5da13b1a19c2',
  sub: 'EN00000CY',
  subject: 'EN00000CY',
  timezone: 'Europe/London',
  to: 'b*1@gmail.com',
  token_endpoint: 'http://localhost:8080/oauth/v2/token',
  token_endpoint_auth_methods_supported: 'client_secret_basic',
  token_type: 'bearer',
  total: 1,
  value: 'bpmtestusr1@gmail.com',
  verificationCode: '7024',
  x: '11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo',
}

const byFormat: Record<string, unknown> = {
  'date-time': '2022-01-01T00:00:00.000Z',
  uuid: '0194f3a2-5b1c-7d3e-8f90-a1b2c3d4e5f6',
}

const byType: Record<string, unknown> = { boolean: true, string: 'text' }

/** The value that stands for a field without an example. A test refuses it in the documents. */
export const noExample = byType.string

const scalarExample = (schema: TSchema, name: string): unknown => {
  if (schema.const !== undefined) return schema.const
  if (schema.default !== undefined) return schema.default
  if (schema.enum) return schema.enum[0]
  if (Object.hasOwn(byName, name)) return byName[name]
  if (schema.type === 'integer') return schema.minimum ?? 1
  return byFormat[schema.format] ?? byType[schema.type]
}

/** An example of a value: the first of the schema's `examples`, else one that is composed of those of its fields. */
export const exampleOf = (schema: TSchema, name = ''): unknown => {
  if (schema.examples?.length > 0) return schema.examples[0]
  if (schema.anyOf) return exampleOf(schema.anyOf[0], name)
  if (schema.type === 'array') return [exampleOf(schema.items, name)]
  if (schema.type !== 'object') return scalarExample(schema, name)
  if (schema.patternProperties)
    return { name: exampleOf(Object.values<TSchema>(schema.patternProperties)[0] as TSchema) }
  return Object.fromEntries(
    Object.entries<TSchema>(schema.properties ?? {}).map(([field, part]) => [field, exampleOf(part, field)]),
  )
}

/** All examples of a value, one at least. */
export const examplesOf = (schema: TSchema): unknown[] =>
  schema.examples?.length > 0 ? schema.examples : [exampleOf(schema)]
