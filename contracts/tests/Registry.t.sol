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
        vm.expectRevert(refusal);
        registry.transferControl(address(this));
    }

    function test_ControlPassesInTwoSteps() public {
        vm.prank(founder);
        registry.transferControl(member(0));
        vm.assertEq(registry.controller(), founder, "an offer changes nothing yet");
        vm.expectRevert(abi.encodeWithSelector(Registry.NotPendingController.selector, address(this)));
        registry.acceptControl();
        vm.prank(member(0));
        registry.acceptControl();
        vm.assertEq(registry.controller(), member(0), "accepted");
        vm.assertEq(registry.pendingController(), address(0), "the offer is used up");
        vm.expectRevert(abi.encodeWithSelector(Registry.NotController.selector, founder));
        vm.prank(founder);
        registry.setPolicy("policy 2");
    }

    function test_OfferCanBeTakenBack() public {
        vm.startPrank(founder);
        registry.transferControl(member(0));
        registry.transferControl(address(0));
        vm.stopPrank();
        vm.expectRevert(abi.encodeWithSelector(Registry.NotPendingController.selector, member(0)));
        vm.prank(member(0));
        registry.acceptControl();
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
}
