/** Reasons for which the policy refuses a new password: the field error codes of `password_refused`. */
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
