import { createHash } from 'node:crypto'
import type { Server } from '@rekey/platform/server'

/** Rotation of the signing keys relies on it: `publishSeconds`. */
const cacheControl = 'public, max-age=300'

/** RFC 9110 §13.1.2: weak comparison with each tag of the list, or `*`. */
const hasTag = (ifNoneMatch: string | undefined, etag: string): boolean =>
  ifNoneMatch?.split(',').some((tag) => ['*', etag].includes(tag.trim().replace(/^W\//, ''))) ?? false

const render = (document: object) => {
  const text = JSON.stringify(document)
  return { text, etag: `"${createHash('sha256').update(text).digest('base64url').slice(0, 22)}"` }
}

/**
 * Serves a public JSON document that caches may store for five minutes, with a strong ETag; 304 to a request that has it.
 *
 * @param documentOf returns the same object for as long as its content is the same
 */
export const cachedDocument = (
  app: Server,
  path: string,
  schema: { response: object },
  documentOf: () => object,
): void => {
  const rendered = new WeakMap<object, ReturnType<typeof render>>()
  app.get(path, { schema, config: { public: true, crossSite: 'read' } }, (request, reply) => {
    const document = documentOf()
    const { text, etag } = rendered.get(document) ?? render(document)
    rendered.set(document, { text, etag })
    reply.headers({ 'cache-control': cacheControl, etag }).removeHeader('pragma')
    if (hasTag(request.headers['if-none-match'], etag)) return reply.code(304).send()
    return reply.type('application/json; charset=utf-8').send(text)
  })
}
