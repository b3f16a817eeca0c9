import type { FastifyRequest } from 'fastify'
import { parseForm, restorePlusIn } from './form.ts'
import { parseJson } from './json.ts'
import { isParameterOf, omitEmpty } from './parameters.ts'
import type { Server } from './server.ts'

/**
 * Reads the parameters of a scope's OAuth endpoints, as a form and as JSON (RFC 6749 §3.1, §3.2): omits those without a
 * value, ignores unknown ones, and refuses a known one that is given more than once. Programs leave the `+` of a phone
 * number unencoded in forms.
 */
export const acceptOAuthParameters = (scope: Server): void => {
  const readJson = async (request: FastifyRequest, body: Buffer) => {
    // Some clients set the content type without a body: an empty body counts as none.
    if (body.length === 0) return undefined
    const isKnown = isParameterOf(request, 'body')
    return omitEmpty(parseJson(body, (name, depth) => depth === 1 && isKnown(name)))
  }
  const readForm = async (request: FastifyRequest, body: Buffer) =>
    restorePlusIn(parseForm(body, { isOnce: isParameterOf(request, 'body'), omitsEmpty: true }), ['username'])
  scope.removeContentTypeParser('application/json')
  scope.addContentTypeParser('application/json', { parseAs: 'buffer' }, readJson)
  scope.addContentTypeParser('application/x-www-form-urlencoded', { parseAs: 'buffer' }, readForm)
}
