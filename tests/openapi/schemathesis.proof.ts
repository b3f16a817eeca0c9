import { backOfficeToken } from '@rekey/test-support/flows'
import { startRekey } from '@rekey/test-support/rekey'
import t from 'tap'
import { type Finding, installSchemathesis, runSchemathesis } from './schemathesis.ts'

// Schemathesis builds requests from /openapi.json, valid and invalid ones, and compares the answers with it. About five
// minutes. Python and PyPI are needed.

t.setTimeout(1_800_000)

/** Requests of each operation in a phase. */
const examples = Number(process.env.SCHEMATHESIS_EXAMPLES ?? 25)

/** What Schemathesis reports although it is right. */
const exemptions: { because: string; matches(finding: Finding): boolean }[] = [
  {
    because: 'a code, token or client that does not exist is answered 400 with a code of its own (RFC 6749 §5.2)',
    matches: ({ check, status, code }) =>
      check === 'positive_data_acceptance' && status === 400 && code !== undefined && code !== 'invalid_request',
  },
  {
    because: 'a device is valid in form, and is not one of its challenge',
    matches: ({ detail }) => detail === 'challenge_type is not one of the devices on offer.',
  },
  {
    because: 'a client names itself in the body or by HTTP Basic (RFC 6749 §2.3.1)',
    matches: ({ operation, detail }) => operation === 'POST /oauth/v2/token' && detail === 'client_id is missing.',
  },
  {
    because: 'a list in a form is a parameter that is given more than once (RFC 6749 §3.1)',
    matches: ({ detail = '' }) => / is given more than once\.$/.test(detail),
  },
  {
    because: 'an object in a query is sent under other names, which are ignored',
    matches: ({ check, message }) => check === 'negative_data_rejection' && /in query - .*became object/.test(message),
  },
  {
    because: 'OpenAPI 3.1 cannot say that exactly one of several query parameters is required',
    matches: ({ check, detail = '' }) => check === 'positive_data_acceptance' && /^Exactly one of/.test(detail),
  },
  {
    because:
      'the grant type, or the way that was chosen, decides whether a code or a credential proves, and the form of a code',
    matches: ({ check, operation, detail = '' }) =>
      check === 'positive_data_acceptance' &&
      ['POST /api/v2/my/2fa/challenge', 'POST /oauth/v2/passwordRestoreVerification', 'POST /oauth/v2/token'].includes(
        operation,
      ) &&
      /^(code is (missing|malformed)|credential is missing)\.$/.test(detail),
  },
  {
    because: 'an OAuth parameter without a value is omitted (RFC 6749 §3.2)',
    matches: ({ check, operation, sent }) =>
      check === 'negative_data_rejection' && operation.includes('/oauth/') && /=(&|$)|: ?""/.test(sent),
  },
  {
    because: 'an authorization request without a registered client and redirect gets a page (RFC 6749 §4.1.2.1)',
    matches: ({ operation, status }) => operation === 'GET /oauth/v2/authorize' && status === 400,
  },
  {
    because: 'S31: the name __proto__ is refused in every body',
    matches: ({ detail }) => detail === 'The body has a name that is not allowed.',
  },
]

const rekey = await startRekey(t)
const schemathesis = await installSchemathesis(t)
const skip = 'missing' in schemathesis && schemathesis.missing

const callers: Record<string, () => Promise<Record<string, string>>> = {
  'a caller without credentials': async () => ({}),
  'a member of staff': async () => ({ Authorization: `Bearer ${await backOfficeToken(rekey)}` }),
}

for (const [caller, headersOf] of Object.entries(callers)) {
  t.test(`S31: every answer to ${caller} is as the OpenAPI document says`, { skip }, async (t) => {
    if ('missing' in schemathesis) return
    const headers = await headersOf()
    const { findings, output } = await runSchemathesis(t, { ...schemathesis, url: rekey.url, examples, headers })
    const [total = '0'] = /\d[\d,]*(?= generated)/.exec(output) ?? []
    for (const { because, matches } of exemptions) t.comment(`${findings.filter(matches).length}: ${because}`)
    t.same(
      findings.filter((finding) => !exemptions.some(({ matches }) => matches(finding))),
      [],
      `${total} test cases`,
    )
    t.ok(Number(total.replaceAll(',', '')) > 1_000, output.slice(-500))
  })
}
