/** The value of `challenge_type` at A4b for a customer who cannot give the second proof. */
export const unavailableProof = 'unavailable'

/** States of a waiting restore. `ready`: the wait is over, and a password can be set. The last three are outcomes. */
export const waitingRestoreStates = ['waiting', 'ready', 'completed', 'vetoed', 'expired'] as const
export type WaitingRestoreState = (typeof waitingRestoreStates)[number]

/** Acts that veto a waiting restore. link: of a notification. new_password: one that was set in another way. staff: at C11. */
export const vetoes = ['link', 'sign_in', 'block', 'new_password', 'staff'] as const
export type Veto = (typeof vetoes)[number]

/** When a customer is notified of a waiting restore: at once, at half time, before its end, if the staff end it early, and of a veto. */
export const waitingRestoreNotices = ['opened', 'half', 'last', 'ended_early', 'vetoed'] as const
export type WaitingRestoreNotice = (typeof waitingRestoreNotices)[number]

/** How long a password can be set after the end of the wait, in hours. */
export const waitingRestoreClaimHours = 72

/** The longest wait: with the time to set the password it is the life of the links in the notifications. */
export const longestWaitHours = 96
