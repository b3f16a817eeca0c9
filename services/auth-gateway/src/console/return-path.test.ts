import fc from 'fast-check'
import t from 'tap'
import { consolePath, readReturnPath } from './return-path.ts'

const origin = 'https://rekey.bank.example'
const isOwnPage = (path: string) => {
  // What a browser makes of a Location header.
  const { origin: resolved, pathname } = new URL(path, origin)
  return (
    resolved === origin &&
    /^\/staff($|\/)/.test(pathname) &&
    !/^\/staff\/(sign-in|sign-out|callback)(\/|$)/.test(pathname)
  )
}

const piece = fc.constantFrom(
  ...[
    '/',
    '//',
    '\\',
    '/\\',
    '..',
    '/..',
    '/./',
    '%2e%2e',
    '%2f',
    '%5c',
    '@',
    ':',
    '#',
    '?',
    '&',
    ';',
    '\t',
    '\n',
    '\r',
    ' ',
    '\0',
  ],
  ...[
    'https:',
    'javascript:',
    'evil.example',
    'staff',
    '/staff',
    '/staff/',
    'sign-in',
    'callback',
    'approvals',
    '1',
    '\u3002',
    '\uff0f',
  ],
)
const wanted = fc.oneof(
  fc.string(),
  fc.array(piece, { maxLength: 8 }).map((pieces) => pieces.join('')),
)

t.test('a return address leads to a page of the console, whatever is sent', async (t) => {
  t.doesNotThrow(() =>
    fc.assert(
      fc.property(wanted, (text) => isOwnPage(readReturnPath(text))),
      { numRuns: 5_000 },
    ),
  )
})

t.test('a page of the console is kept with its query', async (t) => {
  const path = fc.array(fc.constantFrom('customers', 'approvals', 'jobs', '17', 'history'), { maxLength: 4 })
  fc.assert(
    fc.property(path, fc.option(fc.integer({ min: 0 })), (parts, offset) => {
      const page = ['/staff', ...parts].join('/') + (offset === null ? '' : `?offset=${offset}`)
      return readReturnPath(page) === page
    }),
  )
  t.equal(readReturnPath(undefined), consolePath)
})
