// All of the dialect, for its documentation.
include "dialects/ssm/SSMOps.td"
include "dialects/ssm/SSMInt8.td"
