import manifest from '../../../../package.json' with { type: 'json' }
import type { Endpoint } from '../http/endpoint.ts'
import { tags } from '../http/endpoint.ts'
import { http } from '../http/index.ts'
import { version } from '../version.ts'
import { createComponents } from './components.ts'
import { operationOf } from './openapi/operation.ts'
import { createResponses, headers } from './openapi/responses.ts'

const securitySchemes = {
  bearer: {
    type: 'http',
    scheme: 'bearer',
    bearerFormat: 'JWT',
    description: 'Access token of POST /oauth/v2/token, or of the configured identity provider (RFC 6750).',
  },
  successToken: {
    type: 'apiKey',
    in: 'header',
    name: 'successToken',
    description: 'The right to set one password: of POST /api/v2/my/2fa/challenge, or the sign_token of a restore.',
  },
  clientBasic: {
    type: 'http',
    scheme: 'basic',
    description:
      'Client id and secret of a confidential client (RFC 6749 §2.3.1), which may send client_id and client_secret in the body instead. A public client has no secret.',
  },
}

const description =
  'Restore and change of passwords: the OAuth API of an internet bank, and the password API of a broker. ' +
  'Errors are `{error, error_description, state}` below /oauth, and problem documents (RFC 9457) elsewhere. ' +
  'A path answers a method that it does not have with 405 and Allow.'

interface Options {
  /** Origin of the gateway. */
  url?: string
}

/** The OpenAPI 3.1 document of the gateway's public port, from the schemas that validate its requests. */
export const openapi = ({ url = 'http://localhost:8080' }: Options = {}) => {
  const components = createComponents()
  const responses = createResponses(components)
  const paths: Record<string, Record<string, object>> = {}
  const endpoints = Object.entries<Endpoint>(http)
  for (const [route, endpoint] of endpoints) {
    const [method = '', pattern = ''] = route.split(' ')
    const path = pattern.replace(/:(\w+)/g, '{$1}')
    paths[path] = { ...paths[path], [method.toLowerCase()]: operationOf(route, endpoint, components, responses) }
  }
  const used = new Set(endpoints.flatMap(([, endpoint]) => endpoint.tags))
  return {
    openapi: '3.1.1',
    info: {
      title: 'Rekey',
      version,
      description,
      contact: { name: 'The operator of this service' },
      license: { name: manifest.license, identifier: `LicenseRef-${manifest.license}` },
    },
    servers: [{ url, description: 'The auth-gateway.' }],
    tags: Object.entries(tags).flatMap(([name, description]) => (used.has(name) ? { name, description } : [])),
    paths,
    components: {
      schemas: Object.fromEntries(Object.entries(components.schemas).toSorted(([a], [b]) => a.localeCompare(b))),
      responses: responses.responses,
      examples: responses.examples,
      headers,
      securitySchemes,
    },
  }
}
