import { currentSpan, inSpan } from './trace.ts'

/**
 * Sends a request as a child of the current span. `target` names the endpoint: a path without values, or what it is for.
 * `send` reads the trace to send on within.
 */
export const inHttpSpan = <T extends { status: number }>(
  method: string,
  target: string,
  send: () => Promise<T>,
): Promise<T> =>
  inSpan({ name: `${method} ${target}`, kind: 'client', attributes: { 'http.request.method': method } }, async () => {
    const answer = await send()
    const span = currentSpan()
    span?.set({ 'http.response.status_code': answer.status })
    if (answer.status >= 500) span?.fail(answer.status)
    return answer
  })
