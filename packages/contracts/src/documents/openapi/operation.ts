import type { TSchema } from '@sinclair/typebox'
import type { Endpoint } from '../../http/endpoint.ts'
import type { Components } from '../components.ts'
import { exampleOf, examplesOf } from '../example.ts'
import { isOAuth } from './operation-errors.ts'
import type { Responses } from './responses.ts'

const places = { headers: 'header', querystring: 'query', params: 'path' } as const

/** A success token is a security scheme, and no parameter. */
const isCredential = (name: string) => name === 'successtoken'

const parameterOf = (name: string, place: string, required: boolean, schema: TSchema, { schemaOf }: Components) => ({
  name,
  in: place,
  required,
  ...(schema.description && { description: schema.description }),
  schema: schemaOf(schema),
  // An empty list: the parameter is an alternative to another, which has the example.
  ...(schema.examples?.length !== 0 && { example: exampleOf(schema, name) }),
})

const parametersOf = (endpoint: Endpoint, components: Components) =>
  Object.entries(places).flatMap(([part, place]) => {
    const { properties = {}, required = [] } = endpoint[part as keyof typeof places] ?? {}
    return Object.entries(properties)
      .filter(([name]) => !isCredential(name))
      .map(([name, schema]) =>
        parameterOf(name, place, required.includes(name) && schema.default === undefined, schema, components),
      )
  })

/** By name, which is the value of the field that tells them apart. */
const namedExamples = (examples: Record<string, unknown>[]) => {
  const field = ['grant_type', 'response_type'].find(
    (name) => new Set(examples.map((example) => example[name])).size === examples.length,
  )
  return Object.fromEntries(
    examples.map((value, index) => [field === undefined ? String(index + 1) : String(value[field]), { value }]),
  )
}

const requestBodyOf = (path: string, operationId: string, body: TSchema, { named, schemaOf }: Components) => {
  const isEmpty = Object.keys(body.properties).length === 0
  const schema = isEmpty
    ? schemaOf(body)
    : named(`${operationId.charAt(0).toUpperCase()}${operationId.slice(1)}Request`, body)
  const examples = examplesOf(body) as Record<string, unknown>[]
  const content = {
    schema,
    ...(examples.length > 1 ? { examples: namedExamples(examples) } : { example: examples[0] }),
  }
  return {
    required: (body.required ?? []).length > 0,
    content: {
      'application/json': content,
      ...(isOAuth(path) && { 'application/x-www-form-urlencoded': content }),
    },
  }
}

/** "Needs the scope A or B." */
const scopeSentence = ({ security = [] }: Endpoint): string[] => {
  const scopes = security.flatMap(({ bearer = [] }) => bearer)
  return scopes.length > 0 ? [`Needs the scope ${scopes.join(' or ')}.`] : []
}

/** An operation object. @param route a key of `http` */
export const operationOf = (route: string, endpoint: Endpoint, components: Components, responses: Responses) => {
  const path = route.split(' ')[1] ?? ''
  const { operationId, summary, description = `${summary}.`, tags, security = [], body } = endpoint
  const parameters = parametersOf(endpoint, components)
  return {
    operationId,
    summary,
    description: [description, ...scopeSentence(endpoint)].join(' '),
    tags,
    security,
    ...(parameters.length > 0 && { parameters }),
    ...(body && { requestBody: requestBodyOf(path, operationId, body, components) }),
    responses: responses.responsesOf(route, endpoint),
  }
}
