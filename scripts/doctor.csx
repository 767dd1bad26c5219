// Tells what this machine and this build are: what to look at first where something is wrong, and what to put into a report of it.
//
//   dotnet script scripts/doctor.csx

#load "../core/bin/Release/net10.0/electra.csx"

using Electra.Bench;

return Doctor.Report();
