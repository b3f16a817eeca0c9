import type { MySession, PasswordChange } from '@rekey/contracts'
import type { States } from '../layout/gallery.fixture.ts'
import type { ProofState } from '../pages/proof.state.ts'
import { historyPage, homePage, sessionsPage } from './account.template.ts'
import type { AccountState } from './account-session.ts'
import { account, inSeconds, of, sent, username } from './account-view.fixture.ts'
import type { AccountOutcome, ChangeState } from './password-change.state.ts'
import { changePage } from './password-change.template.ts'
import { addingOutcomes, securityStates } from './security-states.fixture.ts'
import type { SignInState } from './sign-in.service.ts'
import { signedOutPage, signInPage, signInStatePage, unknownSignInPage } from './sign-in.template.ts'

const place = { flow: '0123456789012345678901', turn: '1' }

const devices = ['oob:email:m*t@example.com', 'oob:sms:+44*******01']
const proven = { username, token: 't', devices, expiresAt: inSeconds(600) }
const signInState = (state: Exclude<SignInState, { step: 'done' }>) =>
  of((account) => signInStatePage(account, place, state))
const signInCode = (more: object = {}, device = devices[0] ?? '') =>
  signInState({ step: 'code', ...proven, ...sent, device, ...more })
const wrongStart = (outcome: AccountOutcome) => signInState({ step: 'password', username: 'maria', outcome })

const change = (state: ChangeState | undefined, more: Partial<AccountState> = {}) =>
  of((view) => changePage(view, '1', { ...account, ...more }, state))
const changeCode = (more: object = {}) =>
  change({ step: 'code', token: 't', expiresAt: inSeconds(600), ...sent, ...more })
const newPassword = (more: object = {}, state: Partial<AccountState> = {}) =>
  change({ step: 'new', token: 't', expiresAt: inSeconds(600), ...more }, state)

const proof: ProofState = {
  step: 'proof',
  token: 't',
  challengeTypes: ['otp', 'oob:sms:+44*******01', 'recovery_code'],
  expiresAt: inSeconds(600),
}

/** The pages of each outcome. The compiler requires one for each kind: a new one cannot be left out. */
const outcomes: Record<AccountOutcome['kind'], States> = {
  wrongPassword: { 'sign-in-wrong': wrongStart({ kind: 'wrongPassword' }) },
  noPassword: { 'sign-in-no-password': wrongStart({ kind: 'noPassword' }) },
  malformedUsername: { 'sign-in-malformed': wrongStart({ kind: 'malformedUsername' }) },
  wrongCode: {
    'sign-in-code-wrong': signInCode({ outcome: { kind: 'wrongCode' } }),
    'change-code-wrong': changeCode({ outcome: { kind: 'wrongCode' } }),
  },
  wrongOtp: {
    'sign-in-otp-wrong': signInCode({ outcome: { kind: 'wrongOtp' } }, 'otp'),
    'change-otp-wrong': change({ ...proof, chosen: 'otp', outcome: { kind: 'wrongOtp' } }),
  },
  malformedOtp: { 'sign-in-otp-malformed': signInCode({ outcome: { kind: 'malformedOtp' } }, 'otp') },
  wrongRecovery: { 'sign-in-recovery-wrong': signInCode({ outcome: { kind: 'wrongRecovery' } }, 'recovery_code') },
  malformedRecovery: {
    'sign-in-recovery-malformed': signInCode({ outcome: { kind: 'malformedRecovery' } }, 'recovery_code'),
  },
  wrongPasskey: { 'sign-in-passkey-wrong': signInCode({ outcome: { kind: 'wrongPasskey' } }, 'webauthn') },
  noPasskey: { 'sign-in-passkey-none': signInCode({ outcome: { kind: 'noPasskey' } }, 'webauthn') },
  malformedCode: { 'sign-in-code-malformed': signInCode({ outcome: { kind: 'malformedCode' } }) },
  verificationCode: { 'sign-in-code-is-verification': signInCode({ outcome: { kind: 'verificationCode' } }) },
  resent: { 'sign-in-code-resent': signInCode({ outcome: { kind: 'resent' } }) },
  wait: {
    'sign-in-wait': wrongStart({ kind: 'wait', until: inSeconds(300) }),
    'device-wait': signInState({ step: 'device', ...proven, outcome: { kind: 'wait', until: inSeconds(43) } }),
    'change-start-wait': change({ step: 'start', outcome: { kind: 'wait', until: inSeconds(300) } }),
  },
  unavailable: {
    'sign-in-unavailable': wrongStart({ kind: 'unavailable' }),
    'new-unavailable': newPassword({ outcome: { kind: 'unavailable' } }),
  },
  unknownResult: { 'new-unknown': newPassword({ outcome: { kind: 'unknownResult' } }) },
  emptyPassword: { 'new-empty': newPassword({ outcome: { kind: 'emptyPassword' } }) },
  emptyCurrent: { 'new-empty-current': newPassword({ outcome: { kind: 'emptyCurrent' } }) },
  wrongCurrent: { 'new-wrong-current': newPassword({ outcome: { kind: 'wrongCurrent' } }) },
  refused: { 'new-refused': newPassword({ outcome: { kind: 'refused', reasons: ['common', 'too_short'] } }) },
  otherPassword: {},
  ...addingOutcomes,
}

const session = (more: Partial<MySession>): MySession => ({
  id: '019ac0de-7c1a-7bbf-9d42-0f7f6a3a2b11',
  client: 'ib_localhost',
  createdAt: '2026-11-26T08:02:11+00:00',
  lastUsedAt: '2026-11-26T09:31:40+00:00',
  ip: '203.0.113.7',
  current: false,
  ...more,
})
const own = session({ current: true, ip: '2001:db8:85a3:8d3:1319:8a2e:370:7348' })
const sessions = (list: MySession[], notice?: AccountState['notice']) =>
  of((view) => sessionsPage(view, { ...account, notice }, { sessions: list, turn: '1', ownClient: 'ib_localhost' }))

const record = (operation: PasswordChange['operation'], actor: PasswordChange['actor']): PasswordChange => ({
  id: 1,
  type: actor === 'client' ? 'restored' : 'changed',
  createTime: '2026-11-26T08:02:11+00:00',
  operation,
  actor,
  channel: 'api',
  ip: '203.0.113.7',
  digest: '',
})
const records = (['change', 'restore', 'reset'] as const).map((operation) => record(operation, 'client'))
const byStaff = (['reset', 'set'] as const).map((operation) => record(operation, 'back_office'))
const history = (data: PasswordChange[], total: number, page: number) =>
  of((view) => historyPage(view, account, { data, total, page, perPage: 20 }))

/** Every state of every account page. Tests of accessibility and screenshots read it. */
export const accountStates: States = {
  'sign-in': of((view) => signInPage(view, place)),
  'sign-in-ended': of((view) => signInPage(view, { ...place, reason: 'ended' })),
  device: signInState({ step: 'device', ...proven }),
  'device-enrolled': signInState({ step: 'device', ...proven, devices: ['otp', ...devices, 'recovery_code'] }),
  'sign-in-otp': signInCode({ devices: ['otp', ...devices] }, 'otp'),
  'sign-in-recovery': signInCode({ devices: ['otp', ...devices, 'recovery_code'] }, 'recovery_code'),
  'sign-in-code': signInCode(),
  'sign-in-code-phone': signInCode({}, devices[1]),
  'sign-in-code-one-device': signInCode({ devices: devices.slice(0, 1), resendAt: 0 }),
  'sign-in-code-expired': signInCode({ expiresAt: 0 }),
  'sign-in-too-many-wrong': signInState({ step: 'ended', why: 'tooManyWrong' }),
  'sign-in-late': signInState({ step: 'ended', why: 'late' }),
  'sign-in-unknown': of((view) => unknownSignInPage(view.view, view)),
  'signed-out': of(signedOutPage),
  home: of((view) => homePage(view, account)),
  'change-start': change(undefined),
  'change-code': changeCode(),
  'change-code-expired': changeCode({ expiresAt: 0 }),
  'change-proof': change(proof),
  'change-proof-recovery': change({ ...proof, chosen: 'recovery_code' }),
  'change-no-proof': change({ step: 'ended', why: 'noProof' }),
  'new-proven': newPassword({ isProven: true }),
  new: newPassword(),
  'new-strength': newPassword({ strength: 2 }),
  'new-forced': newPassword({}, { mustChange: true }),
  'change-done': change({ step: 'done' }),
  'change-done-forced': change({ step: 'done' }, { mustChange: true }),
  'change-too-many-wrong': change({ step: 'ended', why: 'tooManyWrong' }),
  'change-late': change({ step: 'ended', why: 'late' }),
  'change-unknown': change({ step: 'ended', why: 'unknown' }),
  'change-unknown-forced': change({ step: 'ended', why: 'unknown' }, { mustChange: true }),
  'change-spent-forced': change({ step: 'ended', why: 'spent' }, { mustChange: true }),
  history: history([...records, ...byStaff], 45, 2),
  'history-empty': history([], 0, 1),
  'history-end': history([], 5, 9),
  sessions: sessions([own, session({}), session({ client: 'partner_app' })]),
  'sessions-ended': sessions([own, session({})], 'ended'),
  'sessions-alone': sessions([own], 'othersEnded'),
  ...securityStates,
  ...Object.assign({}, ...Object.values(outcomes)),
}
