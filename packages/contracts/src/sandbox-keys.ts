/** Prefix of every secret and key id that `npm start` generates. Production refuses keys that have it. */
export const sandboxKeyPrefix = 'sandbox_'
