/** What is shown to the API server, and what the API server must show; PEM texts. */
export interface Credentials {
  /** Value of the Authorization header. */
  authorization?: string;
  /** Further headers of every request (impersonation). */
  headers?: Record<string, string>;
  ca?: string;
  cert?: string;
  key?: string;
  /** Name expected in the server's certificate, where it is not the host of `server`. */
  serverName?: string;
  /** Default: false. */
  insecureSkipTlsVerify?: boolean;
}

/** Where the API server is, and as whom to speak to it. */
export interface Connection {
  /** `https://host:port`, without a slash at the end. */
  server: string;
  /** Namespace of the kubeconfig's context, or of this pod. */
  namespace?: string;
  /** HTTP proxy to go through. */
  proxyUrl?: string;
  /** Reads the credentials anew: tokens and certificates are renewed while a program runs. */
  readCredentials(): Promise<Credentials>;
}
