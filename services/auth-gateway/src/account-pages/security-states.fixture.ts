import type { Factor, PasskeyCreation } from '@rekey/contracts'
import type { States } from '../layout/gallery.fixture.ts'
import { account, inSeconds, of, sent } from './account-view.fixture.ts'
import type { AccountOutcome } from './password-change.state.ts'
import type { Proven, ProvenState, SecurityCode, SecurityNotice, SecurityState } from './security.state.ts'
import { securityEndedPage, securityListPage, securityStartPage } from './security.template.ts'
import {
  addedPage,
  appPage,
  codesPage,
  issuePage,
  namePage,
  passkeyPage,
  removePage,
} from './security-change.template.ts'
import { securityCodePage } from './security-code.template.ts'

const secret = 'GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ'
const uri = `otpauth://totp/Rekey:m*t%40example.com?secret=${secret}&issuer=Rekey`
const id = '0194f3a2-5b1c-7d3e-8f90-a1b2c3d4e5f6'
/** An image of the form of a QR code; no app reads it. */
const rows = Array.from({ length: 37 }, (_, row) => `M${4 + (row % 3)} ${row + 4}.5${'h1m2 0'.repeat(11)}`).join('')
const qr = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 45 45" shape-rendering="crispEdges"><path fill="#ffffff" d="M0 0h45v45H0z"/><path stroke="#000000" d="${rows}"/></svg>\n`
const enrolment = { id, secret, uri, qr }

const phone: Factor = {
  id,
  kind: 'totp',
  label: 'Marias altes Mobiltelefon mit einem sehr langen Namen, 64 Zeichen',
  createdAt: '2026-11-25T08:02:11+00:00',
  young: true,
}
const key: Factor = { ...phone, kind: 'passkey', lastUsedAt: '2026-11-26T08:02:11+00:00' }
const creation: PasskeyCreation = {
  rp: { id: 'bank.example', name: 'Rekey' },
  user: { id: 'AAAA', name: 'm*t@example.com', displayName: 'm*t@example.com' },
  challenge: 'AAAA',
  pubKeyCredParams: [{ type: 'public-key', alg: -7 }],
  timeout: 600_000,
  excludeCredentials: [],
  authenticatorSelection: { residentKey: 'preferred', requireResidentKey: false, userVerification: 'required' },
  attestation: 'none',
}
const codes = (codesLeft: number): Factor => ({
  id: '0194f3a2-5b1c-7d3e-8f90-a1b2c3d4e5f7',
  kind: 'recovery_codes',
  createdAt: '2026-09-01T08:02:11+00:00',
  lastUsedAt: '2026-11-20T18:42:00+00:00',
  young: false,
  codesLeft,
})
const tenCodes = Array.from({ length: 10 }, (_, index) => `7HXK-2M9Q-VW3C-T8Z${index}`)

const proven: Proven = { token: 't', expiresAt: inSeconds(600), isSpent: false }
const code = (more: Partial<SecurityCode>) =>
  of((view) =>
    securityCodePage(view, '1', {
      step: 'code',
      token: 't',
      expiresAt: inSeconds(600),
      ...sent,
      challengeTypes: ['otp', 'recovery_code'],
      chosen: 'otp',
      wanted: { act: 'list' },
      ...more,
    }),
  )
const list = (factors: Factor[], more: Partial<Proven> & { notice?: SecurityNotice } = {}) =>
  of((view) => securityListPage(view, '1', account, { ...proven, step: 'list', ...more }, factors))
const start = (outcome?: AccountOutcome) => of((view) => securityStartPage(view, '1', { outcome }))
const name = (label: string, outcome?: AccountOutcome) =>
  of((view) => namePage(view, '1', { ...proven, step: 'name', label, outcome }))
const app = (outcome?: AccountOutcome, qr = enrolment.qr) =>
  of((view) => appPage(view, '1', { ...proven, step: 'app', enrolment: { ...enrolment, qr }, outcome }))
const added = { ...proven, step: 'added' as const }
const passkey = (outcome?: AccountOutcome) =>
  of((view) => passkeyPage(view, '1', { ...proven, step: 'passkey', label: 'My phone', creation, outcome }))
const issue = (replaces: boolean, outcome?: AccountOutcome) =>
  of((view) => issuePage(view, '1', { ...proven, step: 'issue', replaces, outcome }))
const remove = ({ id, kind, label }: Factor, outcome?: AccountOutcome) =>
  of((view) =>
    removePage(view, '1', { ...proven, step: 'remove', factor: { id, kind, ...(label && { label }) }, outcome }),
  )
const ended = (why: Extract<SecurityState, { step: 'ended' }>['why']) =>
  of((view) => securityEndedPage(view, { step: 'ended', why }))

/** The pages of the outcomes of adding an app. */
export const addingOutcomes = {
  malformedLabel: { 'security-name-malformed': name('', { kind: 'malformedLabel' }) },
  tooManyApps: { 'security-name-too-many': name('Sixth', { kind: 'tooManyApps' }) },
  enrolmentEnded: { 'security-name-ended': name('', { kind: 'enrolmentEnded' }) },
  wrongAppCode: { 'security-app-wrong': app({ kind: 'wrongAppCode' }) },
} satisfies Partial<Record<AccountOutcome['kind'], States>>

/** The compiler requires pages of each step and each notice. */
const ofSteps: Record<ProvenState['step'] | 'start' | 'code' | 'ended' | SecurityNotice, States> = {
  start: {
    'security-start': start(),
    'security-start-wait': start({ kind: 'wait', until: inSeconds(300) }),
    'security-start-late': of((view) => securityStartPage(view, '1', { isLate: true })),
  },
  code: {
    'security-code-app': code({}),
    'security-code-app-wrong': code({ outcome: { kind: 'wrongOtp' } }),
    'security-code-app-alone': code({ challengeTypes: ['otp'] }),
    'security-code-passkey': code({ challengeTypes: ['webauthn', 'otp'], chosen: 'webauthn' }),
    'security-code-recovery': code({ chosen: 'recovery_code' }),
    'security-code-choice': code({ challengeTypes: ['oob:email', 'recovery_code'], chosen: undefined }),
    'security-code-email': code({ challengeTypes: ['oob:email'], chosen: 'oob:email' }),
    'security-code-email-other': code({ challengeTypes: ['oob:email', 'recovery_code'], chosen: 'oob:email' }),
    'security-code-email-expired': code({ challengeTypes: ['oob:email'], chosen: 'oob:email', expiresAt: 0 }),
  },
  ended: {
    'security-too-many-wrong': ended('tooManyWrong'),
    'security-late': ended('late'),
    'security-hidden': ended('hidden'),
  },
  list: {
    'security-list': list([phone, codes(10)]),
    'security-list-passkey': list([key, phone]),
    'security-list-none': list([]),
    'security-list-few': list([phone, codes(1)], { isSpent: true }),
    'security-list-no-codes': list([codes(0)]),
  },
  removed: { 'security-removed': list([phone], { isSpent: true, notice: 'removed' }) },
  check: { 'security-check': list([phone], { isSpent: true, notice: 'check' }) },
  tooManyPasskeys: { 'security-too-many-passkeys': list([key], { notice: 'tooManyPasskeys' }) },
  codesLost: { 'security-codes-lost': list([phone, codes(10)], { isSpent: true, notice: 'codesLost' }) },
  name: { 'security-name': name('My phone') },
  app: {
    'security-app': app(),
    'security-app-malformed': app({ kind: 'malformedOtp' }),
    'security-app-without-image': app(undefined, '<svg></svg>'),
  },
  passkey: {
    'security-passkey': passkey(),
    'security-passkey-malformed': passkey({ kind: 'malformedLabel' }),
    'security-passkey-none': passkey({ kind: 'noPasskey' }),
    'security-passkey-wrong': passkey({ kind: 'wrongPasskey' }),
  },
  added: {
    'security-added': of((view) => addedPage(view, '1', added, [phone])),
    'security-added-with-codes': of((view) => addedPage(view, '1', added, [phone, codes(10)])),
    'security-added-passkey': of((view) => addedPage(view, '1', { ...added, what: 'passkey' }, [key])),
  },
  issue: {
    'security-issue': issue(false),
    'security-issue-again': issue(true),
    'security-issue-unavailable': issue(true, { kind: 'unavailable' }),
  },
  codes: { 'security-codes': of((view) => codesPage(view, '1', { ...proven, step: 'codes', codes: tenCodes })) },
  remove: {
    'security-remove-app': remove(phone),
    'security-remove-passkey': remove(key),
    'security-remove-codes': remove(codes(3)),
    'security-remove-unavailable': remove(phone, { kind: 'unavailable' }),
  },
}

/** Every state of the pages Security. */
export const securityStates: States = Object.assign({}, ...Object.values(ofSteps))
