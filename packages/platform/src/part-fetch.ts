import { Agent, request as sendRequest } from 'node:https'
import { Readable } from 'node:stream'
import type { SecureContext } from 'node:tls'

/** The part of `fetch` that requests to the other service use. It follows no redirect. */
export type Fetch = (url: string, init?: RequestInit) => Promise<Response>

/** Statuses whose answers have no body (RFC 9110 §15). */
const withoutBody = [204, 205, 304]

const isRedirect = (status: number) => status >= 300 && status < 400

/**
 * A `fetch` that presents a client certificate and trusts the authorities of the context only, which the global one
 * cannot. Each request has a connection of its own, with the context of that moment.
 *
 * @returns a function that rejects if there is no answer, or a redirect for `redirect: 'error'`
 */
export const createPartFetch =
  (context: () => SecureContext): Fetch =>
  (url, { method = 'GET', headers, body, redirect, signal } = {}) =>
    new Promise((resolve, reject) => {
      const options = {
        method,
        headers: Object.fromEntries(new Headers(headers)),
        agent: new Agent({ secureContext: context(), maxCachedSessions: 0 }),
        ...(signal && { signal }),
      }
      const request = sendRequest(url, options, (answer) => {
        const { statusCode: status = 0, rawHeaders } = answer
        if (redirect === 'error' && isRedirect(status)) {
          answer.destroy()
          reject(new TypeError('unexpected redirect'))
          return
        }
        const found = new Headers()
        for (let at = 0; at < rawHeaders.length; at += 2) found.append(rawHeaders[at] ?? '', rawHeaders[at + 1] ?? '')
        if (withoutBody.includes(status)) answer.resume()
        const stream = withoutBody.includes(status) ? null : (Readable.toWeb(answer) as ReadableStream)
        resolve(new Response(stream, { status, headers: found }))
      })
      request.once('error', reject)
      request.end(body as string | undefined)
    })
