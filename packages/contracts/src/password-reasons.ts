/** Why the policy refuses a new password: the code of each error in a `password_refused`. */
export const passwordReasons = [
  'too_short',
  'too_long',
  'common',
  'context_word',
  'breached',
  'reused',
  'temporary',
  'not_new',
] as const
export type PasswordReason = (typeof passwordReasons)[number]
