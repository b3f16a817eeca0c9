import manifest from '../../../package.json' with { type: 'json' }

/** Version of the product, as the documents and the NATS services state it. */
export const version: string = manifest.version
