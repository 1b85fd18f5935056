export { determineJobType } from "../job-type/determine-job-type.ts";
