/** `2022-01-01T00:00:00+00:00`: whole seconds, never `Z`. */
export const formatTime = (time: Date): string => `${time.toISOString().slice(0, 19)}+00:00`

/** `2021-07-22T07:52:09.000-00:00`: form of the claims `expires` and `issued_at` of an `mfa_token`. */
export const formatClaimTime = (time: Date): string => `${time.toISOString().slice(0, 19)}.000-00:00`
