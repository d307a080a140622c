// Package onlab runs the onboarding on real clusters of the lab, behind the stand-in for ASM.
package onlab
