import type { Answer } from '@rekey/test-support/http'
import type { Test } from 'tap'

/** Checks that the error has the format of its path, names the field, and reveals nothing of the implementation. */
export const isRejection = (t: Test, answer: Answer, status: number, path: string, field?: string) => {
  t.equal(answer.status, status, `${path} ${field ?? ''}`)
  const description = path.startsWith('/oauth/') ? answer.body.error_description : answer.body.detail
  if (path.startsWith('/oauth/')) t.match(answer.body, { error: String, error_description: String })
  else {
    t.match(answer.body, { type: String, title: String, status, detail: String, code: String })
    t.match(answer.headers.get('content-type'), 'application/problem+json')
  }
  if (field) t.match(String(description), field)
  t.equal(answer.headers.get('cache-control'), 'no-store')
  t.notMatch(answer.text, /node_modules|at \w+ \(|prisma|ajv|redis|nats/i)
}
