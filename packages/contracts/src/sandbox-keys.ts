/** What every key that `npm start` makes begins with, secrets and key ids alike: production knows them by it. */
export const sandboxKeyPrefix = 'sandbox_'
