/** An entry of REKEY_CLIENTS_FILE, of a public client unless it says else. */
export const registered = (client_id: string, other: object = {}) => ({
  client_id,
  type: 'public',
  redirect_uris: ['http://localhost'],
  origins: [],
  scopes: ['CUSTOMER:FULL', 'CUSTOMER:PASSWORD:RESTORE', 'CUSTOMER:PASSWORD:CHANGE'],
  ...other,
})
