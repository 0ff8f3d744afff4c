// SPDX-License-Identifier: UNLICENSED
pragma solidity ^0.8.28;

import {Fixture} from "./Fixture.sol";
import {Registry} from "../src/Registry.sol";

contract RegistryTest is Fixture {
    address[] private verifiers;
    bytes32[] private recipients;

    function setUp() public override {
        super.setUp();
        (verifiers, recipients) = verifierSet(sortedKeys("next", 4));
    }

    function test_ChangeRaisesTheVersionAndKeepsTheHistory() public {
        vm.expectEmit(address(registry));
        emit Registry.VerifiersChanged(2, verifiers, recipients, 3);
        vm.prank(founder);
        registry.setVerifiers(verifiers, recipients, 3);

        vm.assertEq(registry.verifierSetVersion(), 2, "version");
        vm.assertEq(registry.threshold(), 3, "threshold");
        vm.assertTrue(registry.isVerifier(verifiers[0]), "the new are in");
        vm.assertTrue(!registry.isVerifier(vm.addr(verifierKeys[0])), "the old are out");
        vm.assertTrue(registry.isVerifierAt(1, vm.addr(verifierKeys[0])), "the old were in");
        Registry.VerifierSet memory old = registry.verifierSet(1);
        vm.assertEq(old.verifiers.length, 3, "old verifiers");
        vm.assertEq(old.verifiers[2], vm.addr(verifierKeys[2]), "old verifier");
        vm.assertEq(old.threshold, 2, "old threshold");
        Registry.VerifierSet memory set = registry.verifierSet(2);
        vm.assertEq(set.verifiers.length, 4, "new verifiers");
        vm.assertEq(set.recipients[3], recipients[3], "new recipient");
        vm.assertEq(registry.verifierSet(3).verifiers.length, 0, "no third version");
    }

    function test_PolicyHasVersions() public {
        vm.expectEmit(address(registry));
        emit Registry.PolicyChanged(2, keccak256("policy 2"));
        vm.prank(founder);
        registry.setPolicy(keccak256("policy 2"));
        vm.assertEq(registry.policyVersion(), 2, "version");
        vm.assertEq(registry.policyHash(), keccak256("policy 2"), "in force");
        vm.assertEq(registry.policyHashAt(1), keccak256("policy"), "history");
    }

    function test_OnlyTheControllerChangesAnything() public {
        bytes memory refusal = abi.encodeWithSelector(Registry.NotController.selector, address(this));
        vm.expectRevert(refusal);
        registry.setVerifiers(verifiers, recipients, 1);
        vm.expectRevert(refusal);
        registry.setPolicy("policy 2");
    }

    function refuses(bytes memory why, uint32 threshold) private {
        vm.expectRevert(why);
        vm.prank(founder);
        registry.setVerifiers(verifiers, recipients, threshold);
    }

    function test_ThresholdIsFromOneToTheNumberOfVerifiers() public {
        refuses(abi.encodeWithSelector(Registry.ThresholdOutOfRange.selector, 0, 4), 0);
        refuses(abi.encodeWithSelector(Registry.ThresholdOutOfRange.selector, 5, 4), 5);
        delete verifiers;
        delete recipients;
        refuses(abi.encodeWithSelector(Registry.ThresholdOutOfRange.selector, 1, 0), 1);
    }

    function test_NoVerifierOrRecipientTwiceOrZero() public {
        address verifier = verifiers[3];
        verifiers[3] = verifiers[0];
        refuses(abi.encodeWithSelector(Registry.DuplicateVerifier.selector, verifiers[0]), 2);
        verifiers[3] = address(0);
        refuses(abi.encodeWithSelector(Registry.ZeroValue.selector), 2);
        verifiers[3] = verifier;
        bytes32 recipient = recipients[3];
        recipients[3] = recipients[1];
        refuses(abi.encodeWithSelector(Registry.DuplicateRecipient.selector, recipients[1]), 2);
        recipients[3] = 0;
        refuses(abi.encodeWithSelector(Registry.ZeroValue.selector), 2);
        recipients[3] = recipient;
        recipients.pop();
        refuses(abi.encodeWithSelector(Registry.RecipientsMismatch.selector, 4, 3), 2);
        vm.expectRevert(Registry.ZeroValue.selector);
        vm.prank(founder);
        registry.setPolicy(0);
    }

    function test_AtMostSixtyFourVerifiers() public {
        (verifiers, recipients) = verifierSet(sortedKeys("many", 65));
        refuses(abi.encodeWithSelector(Registry.TooManyVerifiers.selector, 65), 2);
        verifiers.pop();
        recipients.pop();
        vm.prank(founder);
        registry.setVerifiers(verifiers, recipients, 64);
    }

    // Guardians and runners

    function guardian(uint256 i) private view returns (address) {
        return vm.addr(guardianKeys[i]);
    }

    function pauseAs(address who, bytes memory why) private {
        vm.expectRevert(why);
        vm.prank(who);
        registry.pause();
    }

    function test_GuardianPausesForThreeDays() public {
        uint256 until = vm.getBlockTimestamp() + 3 days;
        vm.expectEmit(address(registry));
        emit Registry.PausedUntil(guardian(0), until);
        vm.prank(guardian(0));
        registry.pause();
        vm.assertEq(registry.pausedUntil(), until, "until");
    }

    function test_OnlyGuardiansPause() public {
        address[4] memory others = [founder, address(this), vm.addr(verifierKeys[0]), vm.addr(runnerKeys[0])];
        for (uint256 i = 0; i < others.length; i++) {
            pauseAs(others[i], abi.encodeWithSelector(Registry.NotGuardian.selector, others[i]));
        }
        vm.assertEq(registry.pausedUntil(), 0, "not paused");
    }

    /// One guardian alone cannot keep an asset from being used; two together hold it longer, and so on.
    function test_GuardianPausesOnceInThirtyDays() public {
        uint256 start = vm.getBlockTimestamp();
        vm.prank(guardian(0));
        registry.pause();
        bytes memory recently = abi.encodeWithSelector(Registry.PausedRecently.selector, start + 30 days);
        pauseAs(guardian(0), recently);
        vm.warp(start + 2 days);
        vm.prank(guardian(1));
        registry.pause();
        vm.assertEq(registry.pausedUntil(), start + 5 days, "longer by another guardian");
        vm.warp(start + 30 days - 1);
        pauseAs(guardian(0), recently);
        vm.warp(start + 30 days);
        vm.prank(guardian(0));
        registry.pause();
        vm.assertEq(registry.pausedUntil(), start + 33 days, "again");
    }

    function test_OnlyTheTimelockNamesRunners() public {
        address[3] memory others = [founder, address(this), address(governor)];
        for (uint256 i = 0; i < others.length; i++) {
            vm.expectRevert(abi.encodeWithSelector(Registry.NotTimelock.selector, others[i]));
            vm.prank(others[i]);
            registry.setRunners(verifiers);
        }
    }

    function nameRunners(address[] memory runners, bytes memory why) private {
        vm.expectRevert(why);
        vm.prank(address(timelock));
        registry.setRunners(runners);
    }

    function test_RunnersAreReplacedAsAWhole() public {
        address[] memory runners = new address[](2);
        // One stays, one is new.
        (runners[0], runners[1]) = (vm.addr(runnerKeys[1]), member(0));
        vm.expectEmit(address(registry));
        emit Registry.RunnersChanged(runners);
        vm.prank(address(timelock));
        registry.setRunners(runners);
        vm.assertTrue(!registry.isRunner(vm.addr(runnerKeys[0])), "removed");
        vm.assertTrue(registry.isRunner(vm.addr(runnerKeys[1])) && registry.isRunner(member(0)), "named");
        Registry.Custody memory c = registry.custody();
        vm.assertEq(keccak256(abi.encode(c.runners)), keccak256(abi.encode(runners)), "to be read");
        vm.assertEq(c.guardians.length, 3, "guardians stay");
        runners[0] = runners[1];
        nameRunners(runners, abi.encodeWithSelector(Registry.Duplicate.selector));
        runners[0] = address(0);
        nameRunners(runners, abi.encodeWithSelector(Registry.ZeroValue.selector));
        nameRunners(
            addressesOf(sortedKeys("many", 65)), abi.encodeWithSelector(Registry.TooManyRunners.selector, 65)
        );
        vm.assertTrue(registry.isRunner(member(0)), "a refused change changes nothing");
        address[] memory most = addressesOf(sortedKeys("many", 64));
        vm.startPrank(address(timelock));
        registry.setRunners(most);
        registry.setRunners(new address[](0));
        vm.stopPrank();
        vm.assertTrue(!registry.isRunner(most[63]), "none is left");
    }
}
